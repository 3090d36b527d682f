"""The ways in which an answer and its gold answer are compared, by name, for the processes that compare them."""

from collections.abc import Callable
from typing import Any, Literal

from mathmill.grading.equality import Comparison, compare_symbolically
from mathmill.grading.paper.courses import equal_in_courses
from mathmill.grading.paper.equality import (
    equal_as_cloze,
    equal_as_last,
    equal_as_letter,
    equal_as_named_letter,
    equal_as_one,
)
from mathmill.grading.paper.extraction import Answers

EqualityName = Literal["strict", "one", "last", "cloze", "letter", "named_letter", "courses"]
Answer = str | Answers
"""Text for `strict`; for the published rules the answers that a text gives, in order."""
Pair = tuple[Answer, Answer]
"""An answer and the gold answer."""


def _published(equal: Callable[[Answers, Answers], bool]) -> Callable[[Any, Any], Comparison]:
    return lambda answers, golds: "right" if equal(answers, golds) else "wrong"


EQUALITIES: dict[EqualityName, Callable[[Any, Any], Comparison]] = {
    "strict": compare_symbolically,
    "one": _published(equal_as_one),
    "last": _published(equal_as_last),
    "cloze": _published(equal_as_cloze),
    "letter": _published(equal_as_letter),
    "named_letter": _published(equal_as_named_letter),
    "courses": _published(equal_in_courses),
}
"""`strict` is math-verify's; the others are those of the published evaluation (`mathmill.grading.paper.rules`)."""
