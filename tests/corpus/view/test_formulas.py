"""Text of strangers as HTML: formulas are shown, everything else is text."""

import re

import pytest

from mathmill.corpus.view.formulas import as_html


def test_formulas_stand_in_their_text() -> None:
    html = as_html("Let $x^2$ be & then $$\\frac{1}{2}$$ holds.")
    assert re.fullmatch(
        r"Let <math [^>]*display=\"inline\"><mrow><msup><mi>x</mi><mn>2</mn></msup></mrow></math> be &amp; then "
        r"<math [^>]*display=\"block\"><mrow><mfrac><mrow><mn>1</mn></mrow><mrow><mn>2</mn></mrow></mfrac></mrow>"
        r"</math> holds\.",
        html,
    )


@pytest.mark.parametrize("text", ["It costs $5 or $6.", "$ 5 and 6 $", "a \\$x\\$ b", "$unclosed", "$a\nb$"])
def test_dollars_of_prices_are_no_formulas(text: str) -> None:
    assert as_html(text) == text


@pytest.mark.parametrize(
    "latex",
    [
        r"\href{javascript:alert(1)}{x}",
        r"\style{background:url(//evil.example)}{x}",
        r"\class{evil}{x}",
        r"\text{<script>alert(1)</script>}",
        r"\text{&lt;img src=x onerror=alert(1)&gt;}",
        r"\mathrm{<svg/onload=alert(1)>}",
    ],
)
def test_no_formula_becomes_a_link_a_style_or_a_script(latex: str) -> None:
    html = as_html(f"${latex}$")
    assert set(re.findall(r"</?(\w+)", html)) <= {"math", "mrow", "mi", "mn", "mo", "mtext", "code"}
    assert not re.search(r"<[^>]*\b(?:href|style|on\w+|src)=", html)


@pytest.mark.parametrize("latex", ["{" * 1900, r"\frac", "x^y^z", "a" * 2001, r"\left(" * 300])
def test_what_cannot_be_rendered_is_shown_as_it_is(latex: str) -> None:
    assert as_html(f"${latex}$") == f'<code class="tex">${latex}$</code>'
