"""The last boxed answer."""

import json

import pytest

from mathmill.grading.extraction import extract_answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("so \\boxed{5}.", "5"),
        ("\\boxed{\\frac{1}{2}}", "\\frac{1}{2}"),
        ("first \\boxed{1}, then \\boxed{ 2 }", "2"),
        ("\\boxed{\\{1, 2\\}}", "\\{1, 2\\}"),
        ("\\boxed{\\left\\{ x \\right.}", "\\left\\{ x \\right."),
        ("\\fbox{C}", "C"),
        ("\\boxed 9", "9"),
        ("\\boxed\\pi is it", "\\pi"),
        ("\\boxed{3} and then \\boxed{4", "3"),
        ("\\boxed{}", ""),
        ("\\boxed{{}", None),
        ("the answer is 5", None),
        ("\\boxed", None),
        ("", None),
    ],
)
def test_extraction(text, answer):
    assert extract_answer(text) == answer


@pytest.mark.shared
def test_extraction_finds_the_answers_that_math500_lists(shared_data):
    rows = [json.loads(line) for line in (shared_data / "benchmarks/math/math500.jsonl").open(encoding="utf-8")]
    assert [row for row in rows if extract_answer(row["solution"]) != row["answer"]] == []
