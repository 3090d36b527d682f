r"""Whether answers to OCW courses are the same to the published evaluation (`ocwcourses_eval_utils.py`).

The kind of the gold answer decides: a number, an equation, or an expression, which is compared as text (appendix D of
Lewkowycz et al., arXiv 2206.14858). What is odd here is odd there: `docs/graders.md` lists it.
"""

import re
from contextlib import suppress
from typing import Any

from mathmill.grading.paper.extraction import Answers
from mathmill.grading.paper.parsing import calculate

TOLERANCE = 0.01
"""Relative, of what `_close` applies it to."""
UNITS = (
    *("eV", " \\mathrm{~kg} \\cdot \\mathrm{m} / \\mathrm{s}", " kg m/s", "kg*m/s", "kg", "m/s", "m / s", "m s^{-1}"),
    *("\\text{ m/s}", " \\mathrm{m/s}", " \\text{ m/s}", "g/mole", "g/mol", "\\mathrm{~g}"),
    *("\\mathrm{~g} / \\mathrm{mol}", "W", "erg/s", "years", "year", "cm"),
    *("\\mathrm{m}", "\\mathrm{~m}", "\\mathrm{s}", "\\mathrm{~s}", "\\mathrm{cm}", "\\mathrm{~cm}"),
)
"""Removed from numbers, in this order and wherever they stand."""
SUBSTITUTIONS = (
    *(("an ", ""), ("a ", ""), (".$", "$"), ("\\$", ""), ("\\ ", ""), (" ", ""), ("mbox", "text")),
    *((",\\text{and}", ","), ("\\text{and}", ","), ("\\text{m}", "\\text{}")),
)
WORDS = (
    *("square", "ways", "integers", "dollars", "mph", "inches", "ft", "hours", "km", "units", "\\ldots", "sue"),
    *("points", "feet", "minutes", "digits", "cents", "degrees", "cm", "gm", "pounds", "meters", "meals", "edges"),
    *("students", "childrentickets", "multiples", "\\text{s}", "\\text{.}", "\\text{\ns}", "\\text{}^2", "\\text{}^3"),
    *("\\text{\n}", "\\text{}", "\\mathrm{th}", "^\\circ", "^{\\circ}", "\\;", ",\\!", "{,}", '"', "\\dots"),
)
"""Removed from expressions, in this order and wherever they stand: from `raft`, too."""
SHAPES = (
    (re.compile(r".*?\$(.*?)\$.*"), r"$\1$"),
    (re.compile(r"\\text\{(.*?)\}"), r"\1"),
    (re.compile(r"\\textbf\{(.*?)\}"), r"\1"),
    (re.compile(r"\\overline\{(.*?)\}"), r"\1"),
    (re.compile(r"\\boxed\{(.*)\}"), r"\1"),
    (re.compile(r"frac([^{])(.)"), r"frac{\1}{\2}"),
    (re.compile(r"sqrt([^{])"), r"sqrt{\1}"),
)


def equal_in_courses(answers: Answers, golds: Answers) -> bool:
    """Whether one answer is as good as one gold answer."""
    (answer,), (gold,) = answers, golds
    try:
        float(gold)
    except ValueError:
        if "=" not in gold:
            return _expression(answer) == _expression(gold)
        equation, gold_equation = _equation(answer), _equation(gold)
        return equation is not None and bool(equation == gold_equation)
    number, gold_number = _quantity(answer), _quantity(gold)
    return number is not None and gold_number is not None and _close(number, gold_number)


def _close(number: float, gold: float) -> bool:
    """The tolerance counts near zero only, where it is negative or zero for numbers that are: none is then right."""
    import numpy as np

    if np.isclose(number, 0) or np.isclose(gold, 0) or np.isclose(number - gold, 0):
        return bool(abs(number - gold) < TOLERANCE * (number + gold) / 2)
    return bool(np.isclose(number, gold))


def _quantity(text: str) -> float | None:
    """The number before the units, in Python's notation or in LaTeX; None if there is none."""
    from sympy.parsing.latex import parse_latex

    for unit in UNITS:
        text = text.replace(unit, "").strip()
    text = text.strip("$")
    with suppress(Exception):  # not Python's arithmetic
        return float(calculate(text, {}))
    with suppress(Exception):  # not LaTeX, or no number
        return float(parse_latex(text))
    return None


def _equation(text: str) -> Any:
    """The equation that sympy reads; None if the text is none."""
    from sympy import Eq
    from sympy.parsing.latex import parse_latex

    text = text.removeprefix("\\[").removesuffix("\\]").replace("\\left(", "(").replace("\\right)", ")")
    text = text.replace("\\\\", "\\").strip("$")
    with suppress(Exception):  # not LaTeX
        parsed = parse_latex(text)
        return parsed if isinstance(parsed, Eq) else None
    return None


def _expression(text: str) -> str:
    text = text.rpartition("=")[2]
    for old, new in (*SUBSTITUTIONS, *((word, "") for word in WORDS)):
        text = text.replace(old, new)
    for shape, content in SHAPES:
        text = shape.sub(content, text)
    text = text.replace("$", "")
    digits = text.replace(",", "")
    return digits if digits.isdigit() else text
