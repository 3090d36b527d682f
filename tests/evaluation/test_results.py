"""What an evaluation writes is read again as it was."""

import json

import pytest

from mathmill.errors import UserError
from mathmill.evaluation.accuracy import score
from mathmill.evaluation.results import Result, Verification, read_results, write_results
from mathmill.grading.grader import Verdict

RIGHT, WRONG = Verdict("7", "right"), Verdict("8", "wrong")


def test_results_come_back_equal(tmp_path):
    groups = [[RIGHT, WRONG], [WRONG, WRONG]]
    results = [
        Result("a", "base", "base", "sums", "cot", score(groups, []), {"right": 1, "wrong": 3}, cut=0),
        Result(
            "b",
            "rl",
            "rl",
            "sums",
            "tool",
            score(groups, [1, 2], [[0.5, 0.25], [0.5, 0.25]]),
            {"right": 1, "wrong": 3},
            cut=1,
            paper=score(groups, [2]),
            verification=Verification("reward", "process"),
        ),
    ]
    write_results(tmp_path, results, [])
    assert read_results(tmp_path) == results


def test_an_earlier_version_s_file_is_named(tmp_path):
    old = {"n": 1, "samples": 1, "accuracy": 1.0, "low": 0.0, "high": 1.0, "majority": None, "passed": None}
    (tmp_path / "accuracy.json").write_text(json.dumps([{"model": "a", "role": "rl", "task": "sums", "score": old}]))
    with pytest.raises(UserError, match=r"accuracy\.json was written by another version of mathmill"):
        read_results(tmp_path)
