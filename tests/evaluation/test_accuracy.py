"""Intervals and estimators against published values and brute force."""

from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathmill.evaluation.accuracy import Proportion, Verified, best_is_right, majority_is_right, pass_at, score, wilson
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


@pytest.mark.parametrize(
    ("answers", "scores", "best", "weighted"),
    [
        # 8 has two votes that weigh 0.5 together, 7 one of 0.6.
        (["8", "7", "8"], [0.2, 0.6, 0.3], True, True),
        # The best single one is wrong, but 7 has 0.5 + 0.45 against 0.9.
        (["8", "7", "7"], [0.9, 0.5, 0.45], False, True),
        # 0.125 + 0.5 = 0.625 exactly: of equal sums the answer drawn first.
        (["7", "8", "7"], [0.125, 0.625, 0.5], False, True),
        (["8", "7", "8"], [0.125, 0.625, 0.5], True, False),
        # No answer has no vote, but may be the best.
        ([None, "7"], [0.9, 0.1], False, True),
        ([None, None], [0.9, 0.1], False, False),
        (["\\text{7}", "8", "7."], [0.3, 0.5, 0.3], False, True),
        (["8", "7"], [0.5, 0.5], False, False),
        (["7", "8"], [0.0, 0.0], True, True),
    ],
)
def test_best_and_weighted_majority_by_hand(answers, scores, best, weighted):
    assert best_is_right(verdicts(*answers), scores) is best
    assert majority_is_right(verdicts(*answers), scores) is weighted


def test_shares_of_several_samples_by_name():
    found = score([verdicts("7", "8", "7"), verdicts("8", "8", "7")])
    half, all_of_them = Proportion(0.5, *wilson(0.5, 2)), Proportion(1.0, *wilson(1.0, 2))
    assert found.proportions() == {"maj_at_3": half, "pass_at_3": all_of_them}
    best, weighted = Proportion(0.25, 0.1, 0.4), Proportion(0.75, 0.6, 0.9)
    chosen = replace(found, verified=Verified("folder", "process", best=best, weighted_majority=weighted))
    expected = {"maj_at_3": half, "best_of_3": best, "weighted_maj_at_3": weighted, "pass_at_3": all_of_them}
    assert chosen.proportions() == expected
    assert score([verdicts("7")]).proportions() == {}


def test_score_of_several_samples():
    found = score([verdicts("7", "8", "7"), verdicts("8", "8", "7"), verdicts("1", "2", None), verdicts("7", "7", "7")])
    assert (found.n, found.samples, found.accuracy) == (4, 3, 6 / 12)
    assert (found.majority, found.passed) == (2 / 4, 3 / 4)
    assert (found.low, found.high) == wilson(0.5, 4)


def test_score_of_one_sample_has_no_majority():
    found = score([verdicts("7"), verdicts("8")])
    assert (found.accuracy, found.majority, found.passed) == (0.5, None, None)
