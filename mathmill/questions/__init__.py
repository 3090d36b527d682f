"""Questions with known answers, from generators, the Hugging Face hub and files in their publishers' layouts."""

from mathmill.questions.loading import evaluation_questions, load_questions
from mathmill.questions.question import Question

__all__ = ["Question", "evaluation_questions", "load_questions"]
