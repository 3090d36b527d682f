"""Intervals and estimators against published values and brute force."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathmill.evaluation.accuracy import majority_is_right, pass_at, score, wilson
from mathmill.evaluation.grading import Verdict


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_is_newcombes(right, n, low, high):
    # R. G. Newcombe (1998), Statistics in Medicine 17, table I, method 3.
    assert wilson(right / n, n) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 9).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))))
def test_pass_at_is_the_share_of_subsets_with_a_right_one(numbers):
    samples, right, k = numbers
    subsets = list(combinations([True] * right + [False] * (samples - right), k))
    assert pass_at(samples, right, k) == pytest.approx(sum(map(any, subsets)) / len(subsets))


def verdicts(*answers):
    """`7` is right; None stands for a completion without an answer."""
    outcome = {None: "missing", "7": "right", "\\text{7}": "right"}
    return [Verdict(answer, outcome.get(answer, "wrong")) for answer in answers]


@pytest.mark.parametrize(
    ("answers", "right"),
    [
        (["7", "8", "7"], True),
        (["8", "7", "8"], False),
        (["8", "7"], False),
        (["7", "8"], True),
        ([None, None, "7"], True),
        ([None], False),
        (["8", "8", "7", "\\text{7}", "7."], True),
    ],
)
def test_majority(answers, right):
    assert majority_is_right(verdicts(*answers)) is right


def test_score_of_several_samples():
    found = score([verdicts("7", "8", "7"), verdicts("8", "8", "7"), verdicts("1", "2", None), verdicts("7", "7", "7")])
    assert (found.n, found.samples, found.accuracy) == (4, 3, 6 / 12)
    assert (found.majority, found.passed) == (2 / 4, 3 / 4)
    assert (found.low, found.high) == wilson(0.5, 4)


def test_score_of_one_sample_has_no_majority():
    found = score([verdicts("7"), verdicts("8")])
    assert (found.accuracy, found.majority, found.passed) == (0.5, None, None)
