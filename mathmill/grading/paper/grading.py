"""Grading by the published evaluation's rules, beside the strict grader and in its processes."""

from collections.abc import Sequence

from mathmill.grading.grader import Grader, Verdict
from mathmill.grading.paper.rules import PaperForm, PaperRules
from mathmill.questions.question import Question

TIMEOUT = 15.0
"""Seconds for one answer, as in the published evaluation, to which an answer that takes longer is wrong."""


def grade_as_published(
    grader: Grader,
    completions: Sequence[str],
    questions: Sequence[Question],
    rules: PaperRules,
    *,
    form: PaperForm = "cot",
    few_shot: bool,
) -> list[Verdict]:
    """The verdict of the published rules on each completion, in order; several answers are joined by `, `.

    Args:
        grader: whose processes compare the answers.
        completions: model-written texts.
        questions: what each answers.
        rules: those of the task.
        form: what is graded.
        few_shot: whether the model goes on after solved examples, as a base model does.
    """
    extract = rules.extraction(form, few_shot=few_shot)
    pairs = [
        (extract(question.question, completion), rules.golds(question))
        for completion, question in zip(completions, questions, strict=True)
    ]
    distinct = list(dict.fromkeys(pair for pair in pairs if pair[0]))
    outcomes = dict(zip(distinct, grader.compare(rules.equality, distinct, TIMEOUT), strict=True))
    return [Verdict(", ".join(pair[0]), outcomes[pair]) if pair[0] else Verdict(None, "missing") for pair in pairs]
