"""The rules by which the paper's own evaluation grades each task, so that figures compare with the paper's.

Source: deepseek-ai/DeepSeek-Math, `evaluation/`: the configurations name for each task how an answer is taken from the
text and how it is compared. Tasks that the paper has not are graded by the rules for MATH; forms of answers that it has
not for a task (tuned models on SAT, say) by the reading of any tuned model and the comparison of the task.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from mathmill.grading.equalities import EqualityName
from mathmill.grading.paper import extraction
from mathmill.grading.paper.extraction import Answers
from mathmill.grading.paper.normalisation import normalise
from mathmill.questions.question import Question

Extraction = Callable[[str, str], Answers]
"""The answers in a completion, given the question and the completion."""
PaperForm = Literal["cot", "pot", "tool", "program"]
"""What is graded: the text of a chain of thought or of a tool-integrated solution; the value of a program of thought;
what the last `program` of a tool-integrated solution printed (the published `program_accuracy`)."""


@dataclass(frozen=True, slots=True)
class PaperRules:
    """How one task is graded."""

    golds: Callable[[Question], Answers]
    """The gold answers of a question."""
    few_shot: Extraction
    """Of a base model, which goes on after solved examples."""
    zero_shot: Extraction
    """Of a tuned model."""
    equality: EqualityName

    def extraction(self, form: PaperForm, *, few_shot: bool) -> Extraction:
        """How answers are taken from completions of a form."""
        if form == "pot":
            return extraction.program_value
        if form == "program":
            return extraction.program_output
        return self.few_shot if few_shot else self.zero_shot


def answer_as_is(question: Question) -> Answers:
    """The answer of the row."""
    return (question.answer,)


def answer_without_commas(question: Question) -> Answers:
    """A number."""
    return (question.answer.strip().replace(",", ""),)


def answers_of_solution(question: Question) -> Answers:
    """All boxed answers of the worked solution; the answer of the row, read likewise, where that boxes none."""
    solution = question.solution or ""
    text = solution if "boxed" in solution else f"\\boxed{{{question.answer}}}"
    return extraction.several_answers(question.question, text)


def answers_between_semicolons(question: Question) -> Answers:
    """The blanks to be filled in."""
    return tuple(map(normalise, question.answer.strip().split(";")))


PAPER_RULES: dict[str, PaperRules] = {
    "gsm8k": PaperRules(answer_without_commas, extraction.gsm8k_last_number, extraction.last_answer, "one"),
    "math": PaperRules(
        answers_of_solution, extraction.several_answers_before_next_problem, extraction.several_answers, "last"
    ),
    "sat": PaperRules(answer_as_is, extraction.stated_choice, extraction.last_answer, "letter"),
    "mmlu": PaperRules(answer_as_is, extraction.stated_choice, extraction.last_answer, "letter"),
    "ocw": PaperRules(answer_as_is, extraction.courses_stated, extraction.last_answer, "courses"),
    "cmath": PaperRules(answer_without_commas, extraction.cmath_last_number, extraction.last_answer, "one"),
    "mgsm_zh": PaperRules(answer_without_commas, extraction.cmath_last_number, extraction.last_answer, "one"),
    "gaokao_mathcloze": PaperRules(
        answers_between_semicolons, extraction.gaokao_stated_without_dollars, extraction.several_answers, "cloze"
    ),
    "gaokao_mathqa": PaperRules(answer_as_is, extraction.gaokao_stated, extraction.last_answer, "named_letter"),
}
"""By the names that task files use in `rules`."""
