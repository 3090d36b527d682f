"""AsciiMath gives the LaTeX of its documentation's examples."""

import pytest

from mathmill.corpus.extraction.asciimath import DEEPEST, to_latex


@pytest.mark.parametrize(
    ("source", "latex"),
    [
        ("x^2+y_1=z_(ij)^n", "x^2+y_1=z_{ij}^n"),
        ("alpha beta", r"\alpha\beta"),
        ("a/b", r"\frac{a}{b}"),
        ("(a+b)/(c d)", r"\frac{a+b}{cd}"),
        ("f(x)/g(x)", r"\frac{f(x)}{g(x)}"),
        ("(a/b)", r"\left(\frac{a}{b}\right)"),
        ("sqrt(x+1)", r"\sqrt{x+1}"),
        ("root(3)(x)", r"\sqrt[3]{x}"),
        ("sum_(i=1)^n i^3", r"\sum_{i=1}^n i^3"),
        ("int_0^oo e^(-x) dx", r"\int_0^\infty e^{-x}dx"),
        ("lim_(x->0) sin x/x", r"\lim_{x\to 0}\frac{\sin x}{x}"),
        ("x in RR", r"x\in\mathbb{R}"),
        ("a != b <= c", r"a\ne b\le c"),
        ("3.14 xx 2", r"3.14\times 2"),
        ("hat x + bar(ab)", r"\hat{x}+\bar{ab}"),
        ("bb(A) bbb(R)", r"\mathbf{A}\mathbb{R}"),
        ("abs(x)", "|x|"),
        ("floor(x)", r"\lfloor x\rfloor"),
        ("stackrel(def)(=)", r"\overset{def}{=}"),
        ('"for all" x', r"\text{for all}x"),
        ("text(odd) n", r"\text{odd}n"),
        ("[[a,b],[c,d]]", r"\begin{bmatrix} a & b \\ c & d \end{bmatrix}"),
        ("((1,2),(3,4))", r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}"),
        ("{(x,if x>0),(0,):}", r"\begin{cases} x & \text{ if }x>0 \\ 0 &  \end{cases}"),
        ("(a,b]", "(a,b]"),
        (")", ")"),
        ("", ""),
    ],
)
def test_source(source: str, latex: str) -> None:
    assert to_latex(source) == latex


def test_brackets_too_deep_are_symbols() -> None:
    assert to_latex("(" * 10_000 + "x").count("(") >= 10_000 - DEEPEST
