"""Benchmark n-grams are found wherever a page holds them, however it writes them, and nowhere else."""

import random
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mathmill.corpus import ngram_index
from mathmill.corpus.ngram_index import NgramIndex, NgramRule
from mathmill.corpus.normalisation import symbols

RULE = NgramRule(size=10, least=3)
LONG = "Natalia sold clips to forty eight of her friends in April, and then half as many in May."
CHINESE = "小明有二十五个苹果送给小红十个还剩几个"
TEXTS = {
    "long": LONG,
    "short": "Prove the mean value theorem",
    "chinese": CHINESE,
    "tiny": "two words",
    "sum": "Calculate 3 + 4 - 5.",
    "digits": "1 2 3 4 5 6 7 8 9 10 11 12",
    "alphabet": "The letters A B C D E F G H I J K L",
    "letters only": r"$\frac{3+i}{1+i}=$",
    "formula": r"Simplify $(2x^2-3x+4)(5x-1)(x+7)-x(x-1)$",
    "formula within": r"Let $f(x)=ax^3+bx^2+cx+d$ be a cubic polynomial",
}


def found(page: str, texts: dict[str, str] = TEXTS) -> set[str]:
    names = list(texts)
    return {names[one] for hit in NgramIndex.of(list(texts.values()), RULE).find([page]) for one in hit.texts}


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (f"before {LONG} after", {"long"}),
        ("NATALIA   sold clips (to) forty\neight of her friends in april", {"long"}),
        ("sold clips to forty eight of her friends in", set()),
        ("sold clips to forty eight of her friends in May", set()),
        ("sold clips to forty eight of her friends in Aprils", set()),
        ("Exercise: prove the mean-value theorem!", {"short"}),
        ("I prove the mean value theorem of calculus", {"short"}),
        ("prove the mean value", set()),
        ("答" + CHINESE[3:13], {"chinese"}),
        (CHINESE[:9], set()),
        ("小 明 有 二 十 五 个 苹 果 送", {"chinese"}),
        ("Homework: calculate 3 + 4 - 5", {"sum"}),
        ("calculate 3 + 4 - 6", set()),
        ("calculate 3 + 4 - 50", set()),
        ("two words", set()),
        ("1 2 3 4 5 6 7 8 9 10 11 12 13", set()),
        ("A B C D E F G H I J K L M", set()),
        (TEXTS["alphabet"], {"alphabet"}),
        (TEXTS["letters only"], set()),
        (r"$(2x^2-3x+4)(5x-1)(x+7)-x(x-1)$", set()),
        (r"Now simplify \((2 x^{2} - 3 x + 4)(5 x - 1)(x + 7) - x (x - 1)\).", {"formula"}),
        (r"f(x)=ax^3+bx^2+cx+d", set()),
        (r"f(x)=ax^3+bx^2+cx+d be a cubic polynomial", {"formula within"}),
    ],
)
def test_rule(page: str, expected: set[str]) -> None:
    assert found(page) == expected


def test_a_hit_says_where_and_what() -> None:
    index = NgramIndex.of([LONG, "And then half as many in May is what she sold to them."], RULE)
    pages = ["nothing", "", "She said: “And then — half as many, in May, is what she gave.”"]
    (hit,) = index.find(pages)
    assert (hit.page, hit.words, hit.texts) == (2, 10, (1,))
    assert pages[2][hit.start : hit.end] == "And then — half as many, in May, is what she"
    shared = "of her friends in April, and then half as many"
    both = NgramIndex.of([LONG, f"One {shared} more"], RULE)
    assert [hit.texts for hit in both.find([shared])] == [(0, 1)]


WORDS = ["a", "aa", "b", "ab", "abc", "12", "1", "x", "小", "red", "blue"]


def _text(least: int, most: int) -> st.SearchStrategy[str]:
    separators = st.sampled_from([" ", "  ", ", ", "\n", "-", "", r"\,", " $"])
    part = st.tuples(st.sampled_from(WORDS), separators).map("".join)
    return st.lists(part, min_size=least, max_size=most).map("".join)


def _by_hand(text: str, page: str, size: int, least: int) -> set[tuple[int, int]]:
    """Where `page` holds n-grams of `text`, by comparing every stretch of words with every other."""
    ours, theirs = symbols(text), symbols(page)
    names = [text[ours.origin[s] : ours.origin[e - 1] + 1] for s, e in zip(ours.starts, ours.ends, strict=True)]
    real = [name == "小" or sum(letter.isalpha() for letter in name) > 1 for name in names]
    parts = []
    for first in range(len(names)):
        for last in range(first + size - 1, len(names)):
            if len({names[one] for one in range(first, last + 1) if real[one]}) >= 3:
                parts.append((first, last))
                break
    letters = sum(len(re.findall("[a-z小]", name)) for name, is_real in zip(names, real, strict=True) if is_real)
    if not parts and len(names) >= least and letters >= 2:
        parts = [(0, len(names) - 1)]
    keys = {ours.key(ours.starts[first], ours.ends[last]) for first, last in parts}
    keys = {key for key in keys if len(key) >= 4 * 3}
    places = set()
    for first in range(len(theirs.starts)):
        for last in range(first, len(theirs.starts)):
            if theirs.key(theirs.starts[first], theirs.ends[last]) in keys:
                places.add((int(theirs.origin[theirs.starts[first]]), int(theirs.origin[theirs.ends[last] - 1]) + 1))
    return places


@settings(max_examples=300)
@given(_text(0, 12), _text(0, 30), st.integers(0, 30), st.booleans())
def test_every_hit_and_no_other(text: str, page: str, at: int, insert: bool) -> None:
    page = page[:at] + " " + text + " " + page[at:] if insert else page
    rule = NgramRule(size=5, least=2)
    hits = NgramIndex.of([text], rule).find([page])
    assert {(hit.start, hit.end) for hit in hits} == _by_hand(text, page, rule.size, rule.least)


@settings(max_examples=50)
@given(st.lists(_text(0, 40), max_size=6), st.lists(_text(3, 12), max_size=4))
def test_pages_are_searched_alike_by_themselves_and_together(pages: list[str], texts: list[str]) -> None:
    index = NgramIndex.of(texts, NgramRule(size=5, least=2))
    alone = [(number, hit.start, hit.end) for number, page in enumerate(pages) for hit in index.find([page])]
    assert [(hit.page, hit.start, hit.end) for hit in index.find(pages)] == alone


@settings(max_examples=100)
@given(_text(3, 12), _text(0, 60), st.integers(1, 40))
def test_a_long_page_is_searched_alike_in_pieces_and_whole(text: str, page: str, size: int) -> None:
    index = NgramIndex.of([text], NgramRule(size=5, least=2))
    page = f"{page} {text} {page}"
    whole = list(index.find([page]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ngram_index, "PIECE", size)
        assert list(index.find([page])) == whole


QUESTION = (
    r"If $\frac{x-1}{3}=k$ and $k=3$, then what is the value of the expression $\sin 2x + 1,\!000$ when the "
    "farmer's 25 hens lay eggs that he sells for $2.50 each at the market on Sunday"
)
SPACES = [" ", "\n", "\t", "\u00a0", "\u2009", "  \n "]
MATH_SPACES = [r"\,", r"\;", r"\!", r"\quad ", "~", " ", r"\ ", "{}"]
PUNCTUATION = ["'", "\u2019", ",", ";", "*", "_", "--", "\u201c"]
MARKS = [*PUNCTUATION, "\u00ad", "\u200b", "\u2060", *[""] * 20]


def _written_otherwise(text: str, draw: random.Random) -> str:
    """The text with other case, spaces, punctuation and LaTeX spacing."""
    text = text.replace(r"\frac{x-1}{3}", draw.choice([r"\dfrac{x-1}{3}", r"\frac {x - 1} {3}", r"\left(x-1\right)/3"]))
    pieces = re.split(r"(\$[^$]*\$)", text)
    for place, piece in enumerate(pieces):
        if place % 2:
            inner = re.sub(r"(?<=[=+}\d])(?=[^\d,!])", lambda _: draw.choice(MATH_SPACES), piece[1:-1])
            opening, closing = draw.choice([("$", "$"), (r"\(", r"\)"), ("$$", "$$"), (r"\[ \displaystyle ", r"\]")])
            pieces[place] = f"{opening}{inner}{closing}"
        else:
            other = re.sub(r"'|(?<!\d)\.", lambda _: draw.choice(PUNCTUATION), piece)
            other = re.sub(" ", lambda _: draw.choice(MARKS) + draw.choice(SPACES), other)
            pieces[place] = "".join(draw.choice([str.upper, str.lower])(letter) for letter in other)
    return "".join(pieces)


@settings(max_examples=100)
@given(st.randoms(use_true_random=False), st.text(max_size=80), st.text(max_size=80))
def test_a_benchmark_text_is_found_however_it_is_written(draw: random.Random, before: str, after: str) -> None:
    index = NgramIndex.of([QUESTION], RULE)
    page = f"{before}\n\n{_written_otherwise(QUESTION, draw)}\n\n{after}"
    assert {hit.ngram for hit in index.find([page])} == {hit.ngram for hit in index.find([QUESTION])} != set()


@settings(max_examples=100)
@given(st.text(max_size=400))
def test_nothing_is_found_where_nothing_is(page: str) -> None:
    assert not list(NgramIndex.of([QUESTION, LONG, CHINESE], RULE).find([page]))


def test_a_saved_index_finds_the_same(tmp_path: Path) -> None:
    index = NgramIndex.of(list(TEXTS.values()), RULE)
    index.save(tmp_path / "index")
    pages = [f"before {text} after" for text in TEXTS.values()]
    assert list(NgramIndex.load(tmp_path / "index").find(pages)) == list(index.find(pages)) != []


def test_no_texts_and_no_pages() -> None:
    assert list(NgramIndex.of([], RULE).find(["a page"])) == []
    assert list(NgramIndex.of([LONG], RULE).find([])) == []
    assert list(NgramIndex.of([LONG], RULE).find([""])) == []
