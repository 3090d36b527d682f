"""What K of n samples give: against brute force over all subsets, and by hand."""

from collections import Counter
from itertools import combinations
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathmill.evaluation.estimators import SUBSETS, best_of, majority_at, pass_at
from mathmill.grading.grader import Verdict


def verdicts(*answers):
    """`7` is right; None stands for a completion without an answer."""
    outcome = {None: "missing", "7": "right", "\\text{7}": "right"}
    return [Verdict(answer, outcome.get(answer, "wrong")) for answer in answers]


def every(answers, k):
    """All K-subsets of places, in order of drawing."""
    return list(combinations(range(len(answers)), k))


@given(st.integers(1, 9).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))))
def test_pass_at_is_the_share_of_subsets_with_a_right_one(numbers):
    samples, right, k = numbers
    subsets = list(combinations([True] * right + [False] * (samples - right), k))
    assert pass_at(samples, right, k) == pytest.approx(sum(map(any, subsets)) / len(subsets))


@given(st.lists(st.sampled_from(["7", "8", "9", None]), min_size=1, max_size=6))
def test_majority_is_the_share_of_subsets_whose_most_common_answer_is_right(answers):
    for k in range(1, len(answers) + 1):
        # `Counter.most_common` puts the first met first among equals.
        votes = [Counter(answers[place] for place in one if answers[place]) for one in every(answers, k)]
        right = [vote.most_common(1)[0][0] == "7" if vote else False for vote in votes]
        assert majority_at(verdicts(*answers), k) == pytest.approx(sum(right) / len(right))


SCORED = st.lists(
    st.tuples(st.sampled_from(["7", "8", "9", None]), st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])),
    min_size=1,
    max_size=6,
)


@given(SCORED)
def test_weighted_majority_is_the_share_of_subsets_whose_heaviest_answer_is_right(drawn):
    answers, scores = zip(*drawn, strict=True)
    for k in range(1, len(answers) + 1):
        right = 0
        for one in every(answers, k):
            weights = {}
            for place in one:
                if answers[place]:
                    weights[answers[place]] = weights.get(answers[place], 0) + scores[place]
            right += bool(weights) and max(weights, key=weights.__getitem__) == "7"
        assert majority_at(verdicts(*answers), k, scores) == pytest.approx(right / comb(len(answers), k))


@given(SCORED)
def test_best_is_the_share_of_subsets_whose_best_is_right(drawn):
    answers, scores = zip(*drawn, strict=True)
    for k in range(1, len(answers) + 1):
        best = [max(one, key=scores.__getitem__) for one in every(answers, k)]
        assert best_of(verdicts(*answers), scores, k) == pytest.approx(
            sum(answers[place] == "7" for place in best) / len(best)
        )


@pytest.mark.parametrize(
    ("answers", "right"),
    [
        (["7", "8", "7"], 1),
        (["8", "7", "8"], 0),
        (["8", "7"], 0),
        (["7", "8"], 1),
        ([None, None, "7"], 1),
        ([None], 0),
        (["8", "8", "7", "\\text{7}", "7."], 1),
    ],
)
def test_majority_of_all_by_hand(answers, right):
    assert majority_at(verdicts(*answers), len(answers)) == right


def test_majority_of_some_by_hand():
    # Of the pairs of 7, 8, 7 two begin with 7 and win so; 8, 7 is a draw that 8 wins, having come first.
    assert majority_at(verdicts("7", "8", "7"), 2) == pytest.approx(2 / 3)
    assert majority_at(verdicts("7", "8", "7"), 1) == pytest.approx(2 / 3)
    # Without an answer there is no vote, so that of the three pairs only the one of two empty ones is wrong.
    assert majority_at(verdicts(None, "7", None), 2) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("answers", "scores", "best", "weighted"),
    [
        # 8 has two votes that weigh 0.5 together, 7 one of 0.6.
        (["8", "7", "8"], [0.2, 0.6, 0.3], 1, 1),
        # The best single one is wrong, but 7 has 0.5 + 0.45 against 0.9.
        (["8", "7", "7"], [0.9, 0.5, 0.45], 0, 1),
        # 0.125 + 0.5 = 0.625 exactly: of equal sums the answer drawn first.
        (["7", "8", "7"], [0.125, 0.625, 0.5], 0, 1),
        (["8", "7", "8"], [0.125, 0.625, 0.5], 1, 0),
        # No answer has no vote, but may be the best.
        ([None, "7"], [0.9, 0.1], 0, 1),
        ([None, None], [0.9, 0.1], 0, 0),
        (["\\text{7}", "8", "7."], [0.3, 0.5, 0.3], 0, 1),
        (["8", "7"], [0.5, 0.5], 0, 0),
        (["7", "8"], [0.0, 0.0], 1, 1),
    ],
)
def test_best_and_weighted_majority_of_all_by_hand(answers, scores, best, weighted):
    group = verdicts(*answers)
    assert (best_of(group, scores, len(group)), majority_at(group, len(group), scores)) == (best, weighted)


def test_too_many_subsets_are_drawn_by_chance_but_always_the_same():
    answers, k = ["7"] * 9 + ["8"] * 11, 9
    assert comb(len(answers), k) > SUBSETS
    # K is odd, so there is no draw: 7 wins with 5 to 9 votes, which hypergeometric chances tell.
    exact = sum(comb(9, votes) * comb(11, k - votes) for votes in range(5, 10)) / comb(20, k)
    found = majority_at(verdicts(*answers), k)
    assert found == majority_at(verdicts(*answers), k)
    assert found == pytest.approx(exact, abs=4 * (exact * (1 - exact) / SUBSETS) ** 0.5)
