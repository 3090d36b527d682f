"""Questions with known answers, from generators, the Hugging Face hub and files in their publishers' layouts."""

from mathmill.questions.loading import evaluation_questions, load_questions, read_questions
from mathmill.questions.question import Question, language_of
from mathmill.questions.rows import BadRow

__all__ = ["BadRow", "Question", "evaluation_questions", "language_of", "load_questions", "read_questions"]
