"""When two texts are the same text to decontamination, and how many words they have."""
# ruff: noqa: RUF001  characters that look like others are what it is about

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathmill.corpus.normalisation import SEPARATED, SHIFT, spellings, symbols

SAME = [
    # case and Unicode form
    ("Natalia SOLD clips", "natalia sold CLIPS"),
    ("ﬁnd the eﬃcient ﬂow", "find the efficient flow"),
    ("１２ ｃａｎｄｉｅｓ", "12 candies"),
    ("𝑥 + 𝐲 ∈ ℝ", "x + y, R"),
    ("Poincaré", "Poincare\u0301"),
    ("naïve", "naive"),
    ("Straße", "STRASSE"),
    ("multi\u00adply \u200bby\u2060 two\ufeff", "multiply by two"),
    # punctuation and white space
    ("Janet\u2019s \u201cducks\u201d \u2014 16 eggs", 'Janet\'s "ducks" - 16 eggs'),
    ("how\u00a0many\u202fmiles\n\n\tdoes", "how many miles does"),
    ("how **many** _miles_ [does](x) | he", "how many miles does x he"),
    ("don't", "dont"),
    ("小明有25个苹果，送给小红10个。", "小明有 25 个苹果 送给小红 10 个"),
    # LaTeX spaces, sizes, delimiters
    (r"$2\,x\;y\!z\quad w~v$", "2xyzwv"),
    (r"\left(\frac{1}{2}\right)", "(1/2)"),
    (r"\displaystyle\sum\limits_{k=1}^{n} k", r"\sum_{k=1}^n k"),
    (r"\(x+1\) and \[y\] and $$z$$", "$x+1$ and $y$ and $z$"),
    (r"f\colon \mathbb{R} \to \mathbb{R}", "f: R -> R"),
    (r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}", r"\left(\begin{array}{cc}1&2\\3&4\end{array}\right)"),
    (r"x \text{ if } \mathrm{odd}", "x if odd"),
    (r"\tag{1} x = 2 \label{eq:x}", "x = 2"),
    # formulas
    ("x^2", "x^{2}"),
    ("x²y", "$x^2 y$"),
    ("a₁₂ + 10²³", r"a_{12} + 10^{23}"),
    (r"\dfrac{1}{2}", r"\frac12"),
    (r"\tfrac{1}{2}", "½"),
    ("3½ cups", "3 1/2 cups"),
    (r"\frac123", r"\frac{1}{2} 3"),
    (r"\log_327", r"\log_3{27}"),
    (r"\sqrt{3}", "√3"),
    (r"\sin\theta \le \varphi", "sin θ ≤ ϕ"),
    (r"3 \times 4 \cdot 5", "3×4·5"),
    (r"\{x \mid x \geq 1\}", "{x | x ≥ 1}"),
    (r"90^\circ", "90°"),
    (r"\binom{5}{2}", r"{5 \choose 2}"),
    ("3xy", "3 x y"),
    # numbers
    (r"10{,}000", "10,000"),
    (r"10\,000", "10,000"),
    (r"10,\!000", "10 000"),
]
DIFFERENT = [
    ("1 2", "12"),
    ("2 3 4", "23 4"),
    ("2³", "23"),
    ("sold", "solid"),
    (r"\sin x", r"\cos x"),
    ("小明", "小红"),
    ("x₁", "x₂"),
]


def _key(text: str) -> bytes:
    found = symbols(text)
    return found.key(0, len(found.symbols))


def _words(text: str) -> list[str]:
    found = symbols(text)
    return [
        "".join(chr(one >> SHIFT) for one in found.symbols[start:end])
        for start, end in zip(found.starts, found.ends, strict=True)
    ]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_same(one: str, other: str) -> None:
    assert _key(one) == _key(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different(one: str, other: str) -> None:
    assert _key(one) != _key(other)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Janet's 16 ducks lay $2.50", ["janet", "s", "16", "ducks", "lay", "2", "50"]),
        ("小明有25个苹果", ["小", "明", "有", "25", "个", "苹", "果"]),
        (r"Compute $\dbinom{8}{6}$.", ["compute", "8", "6"]),
        (r"$x^{2}$ and $\alpha_1$", ["x", "2", "and", "α", "1"]),
        ("multi\u00adply", ["multiply"]),
        ("", []),
        ("?!", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert _words(text) == expected


def test_a_number_is_spelled_with_its_thousands_marked_and_without() -> None:
    assert spellings("sold 12 clips") == ["sold 12 clips"]
    assert spellings("a 10,000 b 145826") == ["a 10,000 b 145826", "a 10000 b 145826", "a 10,000 b 145,826"]
    assert spellings(r"10{,}000") == [r"10{,}000", "10000", "10,000"]
    assert spellings("0.12345 and 12,3456") == ["0.12345 and 12,3456"]
    assert len(spellings("9" * 5000)) == 2


@given(st.text())
def test_composed_and_decomposed_letters_are_the_same(text: str) -> None:
    assert _key(unicodedata.normalize("NFC", text)) == _key(unicodedata.normalize("NFD", text))


@given(st.text(), st.text())
def test_lines_are_read_alike_by_themselves_and_joined(one: str, other: str) -> None:
    joined = symbols(f"{one}\n{other}")
    size = len(symbols(one).symbols)
    assert joined.key(0, size) == _key(one)
    assert joined.key(size, len(joined.symbols)) == _key(other)
    assert (joined.origin[size:] - len(one) - 1).tolist() == symbols(other).origin.tolist()
    assert size in {0, *joined.ends.tolist()}


@given(st.text(st.sampled_from("aA1² \\frac{}½x小")))
def test_every_symbol_says_where_it_comes_from(text: str) -> None:
    found = symbols(text)
    assert found.origin.tolist() == sorted(found.origin)
    for symbol, origin in zip(found.symbols, found.origin, strict=True):
        around = text[max(0, origin - 2) : origin + 3]
        assert chr(symbol >> SHIFT) in unicodedata.normalize("NFKD", around).casefold()
    assert not len(found.symbols) or not found.symbols[0] & SEPARATED
