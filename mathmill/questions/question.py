"""The one form that every question set is turned into."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Question:
    """A question with a known answer."""

    id: str
    """The same each time the source is read, and no two alike within it."""
    question: str
    answer: str
    solution: str | None
    """The worked solution, ending in `\\boxed{answer}` where we write it; None where the source has none."""
    source: str
    """The generator, hub id or file that it comes from."""
    language: str
    """`en`, `zh` …"""
