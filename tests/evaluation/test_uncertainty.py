"""Intervals as tables and the literature give them."""

import pytest

from mathmill.evaluation.uncertainty import Interval, difference, of_share, over_seeds


def test_the_mean_over_seeds_has_student_s_interval() -> None:
    # Standard deviation 0.1; t(0.975) of two degrees of freedom is 4.3027 in tables.
    interval = over_seeds([0.5, 0.6, 0.7])
    half = 4.3027 * 0.1 / 3**0.5
    assert interval.value == pytest.approx(0.6)
    assert (interval.low, interval.high) == pytest.approx((0.6 - half, 0.6 + half), abs=1e-4)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [((56, 70), (48, 80), (0.2, 0.0524, 0.3339)), ((9, 10), (3, 10), (0.6, 0.1705, 0.8090))],
)
def test_differences_are_those_of_newcombe_s_table(one, other, expected) -> None:
    found = difference(*(of_share(right / n, n) for right, n in (one, other)))
    assert (found.value, found.low, found.high) == pytest.approx(expected, abs=1e-4)


def test_what_cannot_be_told_from_nothing() -> None:
    assert Interval(0.1, -0.1, 0.3).holds_zero
    assert Interval(0.0, 0.0, 0.0).holds_zero
    assert not Interval(0.1, 0.01, 0.19).holds_zero
