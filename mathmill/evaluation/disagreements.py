"""Where the strict grader and the published rules differ, and why, as far as the answers tell."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isclose
from typing import Literal

from mathmill.evaluation.results import Item
from mathmill.grading.equality import is_number
from mathmill.grading.paper.normalisation import normalise

Reason = Literal["time", "extraction", "percent", "sign", "tolerance", "gold", "unparsable", "several", "text", "other"]
REASONS: Mapping[Reason, str] = {
    "time": "a comparison was killed, or raised",
    "extraction": "different answers were taken from the text",
    "percent": "a percentage, or a number and its hundredfold",
    "sign": "equal numbers of zero or less, which the published rules for OCW hold for different",
    "tolerance": "numbers that are near to one grader and different to the other",
    "gold": "the gold answer's own text, which the published rules cannot read, or of which they want every form",
    "unparsable": "the strict grader could not read an answer",
    "several": "lists, sets and intervals",
    "text": "words",
    "other": "anything else",
}
"""Why graders differ, the first that holds, and what that means."""

FRACTION = re.compile(r"(-?)\\frac\{(\d+)\}\{([1-9]\d*)\}")
SEVERAL = re.compile(r"[,;]|\\cup|\\pm|\\text\{\s*(?:and|or)\s*\}")
WORDS = re.compile(r"[^\d\\]*")


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A completion that is right to one grader only."""

    item: Item
    reason: Reason


def find_disagreements(items: Iterable[Item]) -> list[Disagreement]:
    """The items with both verdicts that are right to one grader only, in their order."""
    return [
        Disagreement(item, tell_reason(item))
        for item in items
        if item.paper_right is not None and item.paper_right != item.right
    ]


def count_reasons(disagreements: Iterable[Disagreement]) -> dict[Reason, int]:
    """How many disagreements there are for each reason, those that did not occur included."""
    counts = Counter(one.reason for one in disagreements)
    return {reason: counts[reason] for reason in REASONS}


def tell_reason(item: Item) -> Reason:
    """Why the graders differ on an item that is right to one of them only."""
    if {item.outcome, item.paper_outcome} & {"timed_out", "failed"}:
        return "time"
    if item.answer is None or item.paper_answer is None or normalise(item.answer) != normalise(item.paper_answer):
        return "extraction"
    answer, gold = normalise(item.answer), normalise(item.gold)
    ours, theirs = _number(answer), _number(gold)
    if ours is not None and theirs is not None:
        return _reason_of_numbers(ours, theirs, percentage=answer.endswith("%") or gold.endswith("%"))
    return _reason_of_texts(answer, gold, unparsable=item.outcome == "unparsable")


def _reason_of_numbers(ours: float, theirs: float, *, percentage: bool) -> Reason:
    if percentage:
        return "percent"
    if isclose(ours, theirs):
        return "sign" if ours <= 0 else "gold"
    return (
        "percent" if any(isclose(ours, share, rel_tol=1e-3) for share in (theirs / 100, theirs * 100)) else "tolerance"
    )


def _reason_of_texts(answer: str, gold: str, *, unparsable: bool) -> Reason:
    if answer == gold:
        return "gold"
    if unparsable:
        return "unparsable"
    if SEVERAL.search(answer) or SEVERAL.search(gold):
        return "several"
    return "text" if WORDS.fullmatch(answer) and WORDS.fullmatch(gold) else "other"


def _number(text: str) -> float | None:
    """The value of a plain number, fraction or percentage, of this the number before the sign."""
    text = text.removesuffix("%")
    fraction = FRACTION.fullmatch(text)
    if fraction:
        return float(f"{fraction[1]}{int(fraction[2]) / int(fraction[3])}")
    return float(text.replace(",", "")) if is_number(text) else None
