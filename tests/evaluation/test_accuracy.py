"""Intervals against published values, and the figures of a task by hand."""

import pytest

from mathmill.errors import UserError
from mathmill.evaluation.accuracy import Proportion, Several, chosen_k, score, wilson
from mathmill.grading.grader import Verdict


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_is_newcombes(right, n, low, high):
    # R. G. Newcombe (1998), Statistics in Medicine 17, table I, method 3.
    assert wilson(right / n, n) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("at", "samples", "expected"),
    [
        (None, 1, []),
        (None, 2, [1, 2]),
        (None, 8, [1, 2, 4, 8]),
        (None, 20, [1, 2, 4, 8, 16, 20]),
        ([16, 3, 3], 20, [3, 16]),
        ([1], 1, []),
    ],
)
def test_samples_are_measured_at_powers_of_two_or_as_the_recipe_says(at, samples, expected):
    assert chosen_k(at, samples) == expected


def test_no_more_than_the_samples_can_be_measured():
    with pytest.raises(UserError, match="asks for K = 16 of 8 samples: draw as many with --samples"):
        chosen_k([4, 16], 8)


def verdicts(*answers):
    """`7` is right; None stands for a completion without an answer."""
    outcome = {None: "missing", "7": "right"}
    return [Verdict(answer, outcome.get(answer, "wrong")) for answer in answers]


GROUPS = [verdicts("7", "8", "7"), verdicts("8", "8", "7"), verdicts("1", "2", None), verdicts("7", "7", "7")]


def test_figures_of_several_samples():
    found = score(GROUPS, [1, 3])
    assert (found.n, found.samples, found.accuracy) == (4, 3, 6 / 12)
    assert (found.low, found.high) == wilson(0.5, 4)
    accuracy, half, most = Proportion.of(0.5, 4), Proportion.of(2 / 4, 4), Proportion.of(3 / 4, 4)
    assert found.proportions() == {
        "maj_at_1": accuracy,
        "pass_at_1": accuracy,
        "maj_at_3": half,
        "pass_at_3": most,
    }


def test_figures_under_a_reward_model():
    scores = [[0.1, 0.9, 0.2], [0.1, 0.1, 0.9], [0.0, 0.0, 0.0], [0.3, 0.2, 0.1]]
    # Best: 8, 7, 1, 7. Heaviest: 8 by 0.9 to 0.3, 7 by 0.9 to 0.2, 1 being first, 7.
    half = Proportion.of(0.5, 4)
    (found,) = score(GROUPS, [3], scores).several
    assert found == Several(3, half, Proportion.of(0.75, 4), best=half, weighted_majority=half)
    assert list(found.proportions()) == ["maj_at_3", "best_of_3", "weighted_maj_at_3", "pass_at_3"]
    # Of pairs: best-of-2 of the first question is right in (7, 7) alone, of the second in the two with 7.
    (pairs,) = score(GROUPS, [2], scores).several
    assert pairs.best.share == pytest.approx((1 / 3 + 2 / 3 + 0 + 1) / 4)


def test_one_sample_gives_no_figures_of_several():
    found = score([verdicts("7"), verdicts("8")], [])
    assert (found.accuracy, found.several, found.proportions()) == (0.5, (), {})
