"""The fast reader reads what latex2sympy2 reads, and nothing else."""

import math_verify.parser
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from latex2sympy2_extended.latex2sympy2 import latex2sympy

from mathmill.grading.latex import FORMS, parse
from mathmill.questions import load_questions
from mathmill.recipe_questions import FileSource

ODD = [
    "",
    "007",
    "1{,}000",
    "12,345",
    "1,2,3",
    "\\frac{}{}",
    "x = y = 3",
    "a \\approx 3.1",
    "\\text{no solution}",
    "&&",
    "}{",
]


def exactly(parsed):
    return [one if isinstance(one, str) else sympy.srepr(one) for one in parsed]


@pytest.fixture
def published(monkeypatch):
    """`parse` with latex2sympy2 as it is published."""
    fresh = parse.__wrapped__

    def read(answer):
        parse("1")  # puts the fast reader in its place, now if not before
        with monkeypatch.context() as patch:
            patch.setattr(math_verify.parser, "latex2sympy", latex2sympy)
            forget()
            found = fresh(answer)
        forget()
        return found

    return read


def forget():
    math_verify.parser.parse_latex_cached.cache_clear()
    math_verify.parser.extract_latex.cache_clear()


@pytest.mark.parametrize("answer", [*FORMS, *ODD])
def test_common_forms_and_odd_ones_are_read_as_published(answer, published):
    assert exactly(parse(answer)) == exactly(published(answer))


PIECES = [
    "1",
    "20",
    "0.5",
    "x",
    "y",
    "\\pi",
    "+",
    "-",
    "=",
    "<",
    ",",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "\\frac",
    "\\sqrt",
    "^",
]


@given(st.lists(st.sampled_from(PIECES), max_size=9))
def test_texts_that_may_be_no_mathematics_are_read_as_published(pieces):
    answer = " ".join(pieces)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(math_verify.parser, "latex2sympy", latex2sympy)
        forget()
        expected = exactly(parse.__wrapped__(answer))
    forget()
    assert exactly(parse.__wrapped__(answer)) == expected


def test_a_numeral_is_read_once():
    assert parse("3 + 41")[0].args[1] is parse("x + 41")[0].args[1]


@pytest.mark.shared
@pytest.mark.slow
def test_all_answers_of_math_are_read_as_published(shared_data, published):
    path = shared_data / "benchmarks" / "math" / "test.jsonl"
    answers = {one.answer for one in load_questions(FileSource(kind="file", path=str(path), layout="math"))}
    assert len(answers) > 2000
    assert [one for one in sorted(answers) if exactly(parse(one)) != exactly(published(one))] == []
