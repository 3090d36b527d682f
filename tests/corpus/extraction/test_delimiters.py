r"""What is a formula in a page's text, and what is a price, a regular expression or code."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathmill.corpus.extraction import extract

LOADED = "<script src='https://cdn.example.org/mathjax@3/es5/tex-chtml.js'></script>"
DOLLARS = LOADED + "<script>MathJax = {tex: {inlineMath: [['$', '$'], ['\\\\(', '\\\\)']]}};</script>"


def text_of(body: str, head: str = "") -> tuple[str, int]:
    """The text of a page and the number of its formulas."""
    extracted = extract(f"<html><head><meta charset=utf-8>{head}</head><body><p>{body}</p></body></html>".encode())
    return extracted.text, sum(extracted.formulas.values())


@pytest.mark.parametrize(
    ("body", "text", "formulas"),
    [
        (r"Let \(x\) be.", "Let $x$ be.", 1),
        (r"So \[x &lt; 1\] holds.", "So\n$$x < 1$$\nholds.", 1),
        ("So $$x^2$$.", "So\n$$x^2$$.", 1),
        (r"\begin{align} a &amp;= b \\ c &amp;= d \end{align}", r"$$\begin{align} a &= b \\ c &= d \end{align}$$", 1),
        (r"\begin{equation}x\label{e}\end{equation}", r"$$x\label{e}$$", 1),
        (r"\[\begin{array}{c} a \\[2pt] b \end{array}\]", r"$$\begin{array}{c} a \\[2pt] b \end{array}$$", 1),
        (r"\[f = \text{if $x$ and \(y\)}\]", r"$$f = \text{if $x$ and \(y\)}$$", 1),
        (r"\[ open and \(y\)", r"\[ open and $y$", 1),
        (r"$$\text{if $x$}$$", r"$$\text{if $x$}$$", 1),
        (r"\(a <br> b\)", "$a b$", 1),
        (r"\(\) and \( \)", r"\(\) and \( \)", 0),
        (r"[tex]x^2[/tex] [math]y[/math]", "$x^2$ $y$", 2),
        (r"$latex e^{x}$ and $5", "$e^{x}$ and $5", 1),
        (r"\(a</p><p>b\)", "\\(a\n\nb\\)", 0),
        (r"Costs \$5, then \(x\)", r"Costs \$5, then $x$", 1),
        (r"<code>\(x\)</code> and \(y\)", r"\(x\) and $y$", 1),
        (r"<tt>\begin{align}</tt>", r"\begin{align}", 0),
        (r"\(\newcommand{\R}{\mathbb{R}}\)Let \(x \in \R\).", r"Let $x \in \R$.", 1),
    ],
)
def test_on_a_page_that_loads_mathjax(body: str, text: str, formulas: int) -> None:
    assert text_of(body, LOADED) == (text, formulas)


@pytest.mark.parametrize(
    ("body", "text", "formulas"),
    [
        ("If $n$ is 1 or $m=2$.", "If $n$ is 1 or $m=2$.", 2),
        ("Take $ x $ and $2$.", "Take $x$ and $2$.", 2),
        ("From $5 to $10, or $3.50.", "From $5 to $10, or $3.50.", 0),
        ("It costs $5 and $x$ is real.", "It costs $5 and $x$ is real.", 1),
        ("US$ 5 and US$ 6", "US$ 5 and US$ 6", 0),
        ("$a$</p><p>One $ alone", "$a$\n\nOne $ alone", 1),
        ("$a$$b$", "$a$$b$", 2),
    ],
)
def test_on_a_page_whose_configuration_has_dollars(body: str, text: str, formulas: int) -> None:
    assert text_of(body, DOLLARS) == (text, formulas)


@pytest.mark.parametrize(
    ("body", "text", "formulas"),
    [
        (r"Let \(x^2 + 1\) be, \[\alpha\]", "Let $x^2 + 1$ be,\n$$\\alpha$$", 2),
        (r"Group with \(ab\|cd\) or \([^a]\).", r"Group with \(ab\|cd\) or \([^a]\).", 0),
        (r"The group \(foo\) of sed", r"The group \(foo\) of sed", 0),
        (r"over $\mathbb{Q}$ of rank $r$", r"over $\mathbb{Q}$ of rank $r$", 2),
        ("$HOME/$USER and A$B$C, $x_name, ${a}_$b", "$HOME/$USER and A$B$C, $x_name, ${a}_$b", 0),
        ("kill $$ and wait $$", "kill $$ and wait $$", 0),
        ("from $5 to $10", "from $5 to $10", 0),
        ("`a`", "`a`", 0),
    ],
)
def test_on_a_page_without_renderer(body: str, text: str, formulas: int) -> None:
    assert text_of(body) == (text, formulas)


def test_delimiters_of_katex_and_others_by_configuration() -> None:
    katex = (
        '<script>renderMathInElement(document.body, {delimiters: [{left: "@@", right: "@@", display: true}]});</script>'
    )
    assert text_of("So @@x@@ and $y$", katex) == ("So\n$$x$$\nand $y$", 2)
    mathjax = r"""<script type="text/x-mathjax-config">
        MathJax.Hub.Config({tex2jax: {inlineMath: [['\\\\(','\\\\)'], ["##", "##"]]}});</script>"""
    assert text_of(r"So \\(x\\) and ##y##", mathjax) == ("So $x$ and $y$", 2)


def test_table_cells_do_not_share_a_formula() -> None:
    cells = "<table><tr><td>$5</td><td>x_1$</td></tr></table>"
    assert text_of(cells, DOLLARS) == ("$5\tx_1$", 0)


@given(st.text(alphabet="ab $\\()[]{}^_=1.\n", max_size=60))
def test_prose_survives_whatever_its_signs(prose: str) -> None:
    """Letters and digits never get lost or out of order."""
    text, _ = text_of(prose.replace("\n", " "), DOLLARS)
    assert [c for c in text if c in "ab1"] == [c for c in prose if c in "ab1"]
