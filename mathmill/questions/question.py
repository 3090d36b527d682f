"""The one form that every question set is turned into."""

from dataclasses import dataclass

from mathmill.recipe_questions import SolutionFormat


@dataclass(frozen=True, slots=True)
class Question:
    """A question with a known answer."""

    id: str
    """The same each time the source is read, and no two alike within it."""
    question: str
    answer: str
    """Empty for a solved question whose row does not tell it, which only instruction tuning takes."""
    solution: str | None
    """The worked solution, ending in `\\boxed{answer}` where we write it; None where the source has none."""
    source: str
    """The generator, hub id or file that it comes from."""
    language: str
    """`en`, `zh` …"""
    format: SolutionFormat | None = None
    """The form of the solution, where the row says it."""
    level: str | None = None
    """How hard the publisher says that it is: MATH's level, CMATH's grade."""
    subject: str | None = None
    """The field of mathematics that the publisher puts it into."""


def language_of(text: str) -> str:
    """`zh` where `text` holds a Chinese character, else `en`."""
    return "zh" if any("\u4e00" <= character <= "\u9fff" for character in text) else "en"
