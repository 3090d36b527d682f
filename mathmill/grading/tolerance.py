r"""Answers that are right when they are near enough, as rounded results of calculations are."""

import re
from math import isfinite

from mathmill.grading.equality import normalise

DECIMAL = r"[-+]?(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?|\.\d+)"
NUMBER = re.compile(
    rf"(?P<value>{DECIMAL})(?:(?:\\times|\\cdot|\*|x)10(?:\^|\*\*)\{{?\(?(?P<power>[-+]?\d+)\)?\}}?|[eE](?P<exponent>[-+]?\d+))?"
)
POWER = re.compile(r"(?P<sign>[-+]?)10(?:\^|\*\*)\{?\(?(?P<power>[-+]?\d+)\)?\}?")
FRACTION = re.compile(rf"(?P<sign>[-+]?)(?:\\frac\{{({DECIMAL})\}}\{{({DECIMAL})\}}|({DECIMAL})/({DECIMAL}))")


def is_near(answer: str, gold: str, tolerance: float) -> bool:
    """Whether both are numbers, and no further apart than `tolerance` times the absolute value of `gold`."""
    ours, theirs = as_number(answer), as_number(gold)
    return ours is not None and theirs is not None and abs(ours - theirs) <= tolerance * abs(theirs)


def as_number(text: str) -> float | None:
    r"""A number as TeX or a program writes it: `1,000`, `4.5e33`, `4.5\times10^{33}`, `\frac{1}{3}`, `1/3`.

    None for anything else; nothing is evaluated.
    """
    text = normalise(text)
    if found := NUMBER.fullmatch(text):
        value = float(f"{_plain(found['value'])}e{found['power'] or found['exponent'] or 0}")
    elif found := POWER.fullmatch(text):
        value = float(f"{found['sign']}1e{found['power']}")
    elif found := FRACTION.fullmatch(text):
        above, below = (_plain(part) for part in found.groups()[1:] if part is not None)
        if float(below) == 0:
            return None
        value = float(above) / float(below) * (-1 if found["sign"] == "-" else 1)
    else:
        return None
    return value if isfinite(value) else None


def _plain(number: str) -> str:
    return number.replace(",", "")
