"""Whether answers are the same to the published evaluation (deepseek-ai/DeepSeek-Math, `eval_script.py`).

Two numbers are the same within 0.001, a percentage besides; anything else is compared part by part and with sympy,
which may run forever on model-written text: for processes that can be killed (`mathmill.grading.process`).
What is odd here is odd there: `docs/graders.md` lists it.
"""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from math import isclose

from mathmill.grading.paper.extraction import Answers
from mathmill.grading.paper.parsing import numerical_value, read_expression

CLOSE = 1e-3
BRACKETED = re.compile(r"[(\[].+[)\]]")
"""Matched from the start, but not to the end."""
MATRIX_STARTS = ("\\begin{pmatrix}", "\\begin{bmatrix}")
MATRIX_ENDS = ("\\end{pmatrix}", "\\end{bmatrix}")
UNION = "\\cup"
LONGEST_NAME = 2
"""Characters of what stands before `=`, for it to be the name of the answer."""


def equal_as_one(answers: Answers, golds: Answers) -> bool:
    """GSM8K, CMATH, MGSM-zh: one answer, one gold answer."""
    (answer,), (gold,) = answers, golds
    if UNION in answer and UNION in gold:
        return _equal_as_sets(answer.split(UNION), gold.split(UNION))
    ours, theirs = _number(answer), _number(gold)
    close = ours is not None and theirs is not None and abs(ours - theirs) < CLOSE
    return close or equal_mathematics(answer, gold)


def equal_as_last(answers: Answers, golds: Answers) -> bool:
    """MATH: as many of the last different answers as there are gold ones, in any order."""
    different_golds = list(dict.fromkeys(golds))
    return _equal_as_sets(list(dict.fromkeys(answers))[-len(different_golds) :], different_golds)


def equal_as_cloze(answers: Answers, golds: Answers) -> bool:
    """Gaokao-MathCloze: as `equal_as_last`, but in order, and taken apart at semicolons and commas first."""
    different = dict.fromkeys(part for answer in answers for part in _parts_of_cloze(answer))
    last = list(different)[-len(golds) :]
    return len(last) == len(golds) and all(equal_as_one((one,), (gold,)) for one, gold in zip(last, golds, strict=True))


def equal_as_letter(answers: Answers, golds: Answers) -> bool:
    """SAT and MMLU-STEM: the letter of a choice."""
    (answer,), (gold,) = answers, golds
    return answer.lower() == gold.lower()


def equal_as_named_letter(answers: Answers, golds: Answers) -> bool:
    """Gaokao-MathQA: of the letters A to D that the answer names, the one that is first named last."""
    (answer,), (gold,) = answers, golds
    places = {letter: answer.index(letter) for letter in "ABCD" if letter in answer}
    return bool(places) and max(places, key=places.__getitem__) == gold


def equal_mathematics(answer: str, gold: str) -> bool:
    """Whether two texts say the same, a percentage and its share being the same."""
    if answer == gold:
        return True
    ours, theirs = _number_or_percentage(answer), _number_or_percentage(gold)
    if ours is not None and theirs is not None:
        return any(isclose(one, ours, abs_tol=CLOSE) for one in (theirs / 100, theirs, theirs * 100))
    if not answer:
        return False
    answer, gold = answer.strip(), gold.strip()
    ways: tuple[Callable[[str, str], bool], ...] = (_equal_lists, _equal_matrices, _equal_equations, equal_symbolically)
    return any(equal(answer, gold) for equal in ways)


def equal_symbolically(answer: str, gold: str) -> bool:
    """Whether sympy finds no difference between two texts, or one of less than 0.001."""
    from sympy import simplify

    ours, theirs = read_expression(answer), read_expression(gold)
    with suppress(Exception):  # texts, relations and whatever else has no difference
        if simplify(ours - theirs) == 0:
            return True
    with suppress(Exception):  # no numbers
        return isclose(numerical_value(ours), numerical_value(theirs), abs_tol=CLOSE)
    return False


def _equal_as_sets(answers: Sequence[str], golds: Sequence[str]) -> bool:
    """Whether each answer has an equal gold one, and each gold one an equal answer."""
    equal = [[equal_as_one((answer,), (gold,)) for gold in golds] for answer in answers]
    return all(map(any, equal)) and all(any(row[place] for row in equal) for place in range(len(golds)))


def _equal_lists(answer: str, gold: str) -> bool:
    """Points, intervals and lists, whatever their brackets."""
    if not BRACKETED.match(answer) or not BRACKETED.match(gold):
        return False
    return _equal_parts(answer[1:-1].split(","), gold[1:-1].split(","))


def _equal_matrices(answer: str, gold: str) -> bool:
    if not all(one.startswith(MATRIX_STARTS) and one.endswith(MATRIX_ENDS) for one in (answer, gold)):
        return False
    rows, gold_rows = _rows(answer), _rows(gold)
    return len(rows) == len(gold_rows) and all(
        _equal_parts(row.split("&"), gold_row.split("&")) for row, gold_row in zip(rows, gold_rows, strict=True)
    )


def _equal_equations(answer: str, gold: str) -> bool:
    """Equations as differences of their sides; or one value with a name before it, and one without."""
    ours, theirs = answer.split("="), gold.split("=")
    if len(ours) == len(theirs) == 2:
        difference, gold_difference = (f"{left.strip()} - ({right.strip()})" for left, right in (ours, theirs))
        return equal_symbolically(difference, gold_difference) or equal_symbolically(
            f"-({difference})", gold_difference
        )
    if len(ours) == 2 and len(theirs) == 1 and len(ours[0].strip()) <= LONGEST_NAME:
        return equal_mathematics(ours[1], gold)
    if len(theirs) == 2 and len(ours) == 1 and len(theirs[0].strip()) <= LONGEST_NAME:
        return equal_mathematics(answer, theirs[1])
    return False


def _equal_parts(answers: Sequence[str], golds: Sequence[str]) -> bool:
    return len(answers) == len(golds) and all(map(equal_mathematics, answers, golds))


def _rows(matrix: str) -> list[str]:
    lines = matrix[len(MATRIX_STARTS[0]) : -len(MATRIX_ENDS[0])].split("\\\\")
    return [line.strip() for line in lines if line.strip()]


def _parts_of_cloze(answer: str) -> list[str]:
    """Cut at semicolons, and at commas outside brackets that are opened since the last cut."""
    parts, start, depth = [], 0, 0
    for place, character in enumerate(answer):
        if character == ";" or (character == "," and depth == 0):
            parts.append(answer[start:place].strip())
            start, depth = place + 1, 0
        else:
            depth += (character in "([{") - (character in ")]}")
    return [*parts, answer[start:].strip()]


def _number(text: str) -> float | None:
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return None


def _number_or_percentage(text: str) -> float | None:
    number = _number(text)
    if number is not None or not text.endswith("%"):
        return number
    percentage = _number(text.removesuffix("%").removesuffix("\\"))
    return None if percentage is None else percentage / 100
