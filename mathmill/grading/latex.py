r"""Reading answers as math-verify does, several times as fast.

math-verify reads LaTeX with latex2sympy2's ANTLR grammar, and nearly all of its time goes into the parser's look-ahead.
ANTLR has a cheap look-ahead and a full one (`PredictionMode.SLL` and `.LL`); by its documentation the cheap one either
gives the tree of the full one or reports a syntax error, so that the full one is needed after such an error only. What
is then left is mostly the reading of numerals, of which a set of answers has few different ones.
"""

import logging
import re
from functools import cache, lru_cache
from typing import Any

import math_verify.parser
import sympy
from antlr4 import PredictionMode
from latex2sympy2_extended.latex2sympy2 import _Latex2Sympy

DOLLAR = re.compile(r"(?<!\\)\$")
FORMS = (
    r"\left( \frac{1}{\sqrt{3}}, \frac{1}{\sqrt{2}} \right)",
    r"3 - 2f(x)",
    r"5R^2 - 3(a^2 + b^2)",
    r"-3.5",
    r"n",
    r"17_{8}",
    r"\text{A7}_{12}",
    r"9^\circ",
    r"25\%",
    r"\frac{1}{2}",
    r"-\frac{\sqrt{5}}{3}",
    r"\frac{3\pi}{4}",
    r"3\frac{1}{5}",
    r"\frac{-1+\sqrt7}{2}",
    r"\frac{x-3}{(x+1)(x-2)}",
    r"2\sqrt[3]{5} - 1",
    r"4(\sqrt{5}-2)",
    r"2^{n-1}",
    r"130x^{10}",
    r"21x\sqrt{3x}",
    r"13z^{15}(7+13z^{15})",
    r"-12x^3(3x^4-5)",
    r"(-4x^2+x+3)(4x^2+x+3)",
    r"-(ab+bc+ca)",
    r"2x^3 - \frac{5}{2}x^2 + 7x - 1",
    r"(2y-7)^2",
    r"\frac{2x^2}{3}",
    r"y = -\frac{4}{3} x - \frac{7}{4}",
    r"b=\frac{1}{9}",
    r"f(5-x)",
    r"2i,-2i",
    r"\{2,3,7\}",
    r"(0,0)",
    r"(-\sqrt{2}, 5)",
    r"(2+\sqrt{3},-4)",
    r"\left(-\frac{1}{4}, \frac{1}{3}\right)",
    r"\left( 2, 3\sqrt{2}, \frac{5\pi}{6} \right)",
    r"[0,2)",
    r"[-1,\frac15]",
    r"\left[ -\frac{1}{3}, \frac{1}{3} \right]",
    r"\left[ \frac{\pi}{3}, \frac{\pi^2}{8} \right]",
    r"(-\infty, -\frac{2}{3}) \cup (1, 3] \cup [4, \infty)",
    r"x \in [-3,6]",
    r"\begin{pmatrix} 4 \\ -1 \\ \sqrt{3} \end{pmatrix}",
    r"\begin{pmatrix} \frac{2}{5} & -\frac{1}{5} \\ 1/2 & -\sqrt{2}/2 \end{pmatrix}",
    r"\log_2 7",
    r"\log\left(\frac{3}{2}\right)",
    r"\cos(7^\circ)\sin(13^\circ)",
    r"2 \sin 3x \cos x",
    r"\tan \frac{x}{2}",
    r"|x-2|",
    r"5!",
    r"(\text{C})",
    r"\text{Monday}",
)
"""Answers of the kinds that are common; the parser learns their look-ahead for good when it first meets them."""


@lru_cache(maxsize=65_536)
def parse(answer: str) -> list[Any]:
    """What math-verify reads in an answer: sympy objects, and the text that it read them from."""
    use_fast_reader()
    return list(math_verify.parser.parse(f"${DOLLAR.sub('', answer)}$", parsing_timeout=None))


@cache
def use_fast_reader() -> None:
    """Have math-verify read LaTeX with `_Reader`, and read common forms once."""
    logging.getLogger("math_verify").setLevel(logging.ERROR)  # it warns of the time limit that we keep elsewhere
    math_verify.parser.latex2sympy = _read
    for form in FORMS:
        math_verify.parser.parse(f"${form}$", parsing_timeout=None)


def _read(latex: str, **settings: Any) -> Any:
    """In the place of `latex2sympy`, for text that is normalised already."""
    reader = _Reader(None, settings["is_real"], settings["convert_degrees"])
    try:
        return reader.parse(latex)
    except Exception:  # noqa: BLE001 -- the type of its syntax errors
        reader = _Reader(None, settings["is_real"], settings["convert_degrees"])
        reader.look_ahead = PredictionMode.LL
        return reader.parse(latex)


class _Reader(_Latex2Sympy):  # type: ignore[misc] # its package has no types
    """latex2sympy2's reader, with a choice of the look-ahead."""

    look_ahead = PredictionMode.SLL

    def create_parser(self, latex_str: str) -> Any:
        parser = super().create_parser(latex_str)
        parser._interp.predictionMode = self.look_ahead  # noqa: SLF001 -- where ANTLR's documentation sets it
        return parser

    def parse_number(self, text: str) -> sympy.Number:
        return _number(text.replace(",", ""))


@lru_cache(maxsize=65_536)
def _number(text: str) -> sympy.Number:
    """A numeral as latex2sympy2 reads it; sympy takes it for a program to run, each time."""
    return sympy.Number(text.lstrip("0") or "0" if text.isdigit() else text)
