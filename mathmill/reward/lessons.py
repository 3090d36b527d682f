"""What a reward model is trained and measured on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mathmill.reward.reading import Example

Lesson = tuple[Example, ...]
"""What is learned at a time: one example, or a pair of a right and a wrong one."""


@dataclass(frozen=True, slots=True)
class Lessons:
    """The same on every rank."""

    learning: Sequence[Lesson]
    testing: Sequence[Example]
    """Of the questions held out."""
    samples: Sequence[Mapping[str, Any]]
    """Every solution, with its verdict or labels, as people read it."""
    figures: Mapping[str, float]
    rejected: Sequence[Mapping[str, Any]] = ()
    """Rows that could not be used, each with its reason."""
