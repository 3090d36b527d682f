"""Words, and the fast way to count them."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mathmill.corpus.words import count_words, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Let x_1 = 3.5, y = ½.", ["let", "x", "1", "3", "5", "y", "1", "2"]),
        ("Straße ﬁne Ⅷ x²", ["strasse", "fine", "viii", "x2"]),
        ("设a是2个数", ["设", "a", "是", "2", "个", "数"]),
        ("", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@given(st.text())
@example("İstanbul e\u0301 \U0001d400\U0001d401 中文\U00020000a")
@example("\ud800a")
def test_they_are_counted_as_they_are_cut(text: str) -> None:
    assert count_words(text) == len(words(text))
