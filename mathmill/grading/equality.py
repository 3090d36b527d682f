"""Whether two answers are the same.

Most answers are settled by their text (`compare_texts`): equal strings after normalisation, plain numbers, letters
of a choice. The rest goes to math-verify (`compare_symbolically`), which may take arbitrarily long on model-written
text and so belongs into a process that can be killed; see `mathmill.grading.grader`.
"""

import re
from decimal import Decimal
from itertools import product
from typing import Any, Literal

Comparison = Literal["right", "wrong", "unparsable"]

NUMBER = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?:(?<=\d)[eE][-+]?\d{1,3})?")
EXPONENT = re.compile(r"(?<=\d)[eE]([-+]?\d{1,3})$")
"""As in `4.5e33`, which LaTeX does not know."""
POWER_OF_TEN = re.compile(r"(?<=\d)(?:\\times|\\cdot|\*|\u00d7)10\^(?:\{([-+]?\d{1,3})\}|(\d))$")
"""The same in LaTeX, without spaces."""
POINT = re.compile(r"(?<=\d)\.(?=/)")
"""As in `1./3`, which is Python."""
FRACTION = re.compile(r"\\[dt]?frac\s*(\\[A-Za-z]+)\s*(\w)")
"""As in `\\frac\\pi 2`, which TeX reads and math-verify does not."""
LETTER = re.compile(r"\(?([A-J])\)?")
LETTERS = re.compile(r"[A-J]{2,}")
BETWEEN = re.compile(r"[,;()\u3001\uff0c]|and|\u548c")
"""What stands between the letters of several choices."""
CHOICE = re.compile(r"\(?([A-Ja-j])(?:[).:].*)?", re.DOTALL)
"""The letter of a choice, alone or before the option's text."""
WRAPPERS = re.compile(r"\\(?:text|textbf|mathrm|mbox|mathbf|textit)\{([^{}]*)\}")
NOTHING = re.compile(r"\\left(?![a-z])|\\right(?![a-z])|\\[!,;:> ]|\\quad|\s|~|\^\{?\\circ\}?|\\\$|\$|\\displaystyle")
"""Spacing, sizing, currency and degree signs, which change no value."""


def compare_texts(answer: str, gold: str) -> bool | None:
    """Whether the answers are the same, as far as their text shows it; None where it takes mathematics to tell."""
    ours, theirs = normalise(answer), normalise(gold)
    if ours == theirs:
        return bool(ours)
    if is_number(ours) and is_number(theirs):
        return Decimal(ours.replace(",", "")) == Decimal(theirs.replace(",", ""))
    chosen, right = CHOICE.fullmatch(ours), LETTER.fullmatch(theirs)
    if chosen and right:
        return chosen[1].upper() == right[1].upper()
    several = BETWEEN.sub("", ours)
    if LETTERS.fullmatch(several) and LETTERS.fullmatch(theirs):
        return set(several) == set(theirs)
    return None


def normalise(answer: str) -> str:
    """`answer` without what is only typography: spaces, sizes of brackets, text commands, a full stop at the end."""
    answer = WRAPPERS.sub(r"\1", answer)
    answer = NOTHING.sub("", answer)
    answer = re.sub(r"\\[dt]frac", r"\\frac", answer)
    return POWER_OF_TEN.sub(r"e\1\2", answer.removesuffix("."))


def is_number(text: str) -> bool:
    """Whether `text` is a plain decimal number, with or without commas between thousands."""
    return bool(NUMBER.fullmatch(text)) and text[-1:].isdigit()


def compare_symbolically(answer: str, gold: str) -> Comparison:
    """Whether math-verify holds the answers for the same; it may run forever.

    `unparsable` when one of them is no mathematics that it can read.
    """
    from math_verify import verify

    from mathmill.grading.difference import surely_differ
    from mathmill.grading.latex import parse

    target, parsed_gold = parse(_as_latex(answer)), parse(_as_latex(gold))
    if not _is_mathematics(target) or not _is_mathematics(parsed_gold):
        return "unparsable"
    if all(surely_differ(one, other) for one, other in product(parsed_gold, target)):
        return "wrong"
    return "right" if verify(parsed_gold, target, timeout_seconds=None) else "wrong"


def is_right(answer: str, gold: str) -> bool:
    """Whether `answer` is as good as `gold`. Without a time limit: for answers that people wrote."""
    by_text = compare_texts(answer, gold)
    return by_text if by_text is not None else compare_symbolically(answer, gold) == "right"


def _as_latex(answer: str) -> str:
    """`answer` with numbers as LaTeX has them, and not a program, and with braces around a command over a fraction."""
    return FRACTION.sub(r"\\frac{\1}{\2}", EXPONENT.sub(r" \\times 10^{\1}", POINT.sub("", answer)))


def _is_mathematics(parsed: list[Any]) -> bool:
    return any(not isinstance(one, str) for one in parsed)
