"""The published rules give what the paper's own evaluation code gave for the same texts."""

import json
from pathlib import Path

import pytest

from mathmill.grading.grader import Grader
from mathmill.grading.paper import extraction as paper_extraction
from mathmill.grading.paper.grading import TIMEOUT
from mathmill.grading.paper.normalisation import normalise

GOLDEN = json.loads((Path(__file__).parent / "data" / "published_verdicts.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def grader():
    with Grader() as grader:
        yield grader


def test_answers_are_rewritten_alike():
    different = [(text, theirs, normalise(text)) for text, theirs in GOLDEN["normalised"] if normalise(text) != theirs]
    assert different == []


@pytest.mark.parametrize("function", GOLDEN["extracted"])
def test_answers_are_found_alike(function):
    extract = getattr(paper_extraction, function)
    for question, completion, theirs in GOLDEN["extracted"][function]:
        assert [completion, *extract(question, completion)] == [completion, *theirs]


@pytest.mark.parametrize("equality", GOLDEN["compared"])
def test_verdicts_are_the_same(grader, equality):
    rows = GOLDEN["compared"][equality]
    outcomes = grader.compare(equality, [(tuple(answers), tuple(golds)) for answers, golds, _ in rows], TIMEOUT)
    different = [(row, outcome) for row, outcome in zip(rows, outcomes, strict=True) if (outcome == "right") != row[2]]
    assert different == []
    assert {outcome == "right" for outcome in outcomes} == {True, False}
