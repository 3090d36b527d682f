"""Intervals as tables and the literature give them."""

import pytest

from mathmill.evaluation.uncertainty import Interval, over_seeds


def test_the_mean_over_seeds_has_student_s_interval() -> None:
    # Standard deviation 0.1; t(0.975) of two degrees of freedom is 4.3027 in tables.
    interval = over_seeds([0.5, 0.6, 0.7])
    half = 4.3027 * 0.1 / 3**0.5
    assert interval.value == pytest.approx(0.6)
    assert (interval.low, interval.high) == pytest.approx((0.6 - half, 0.6 + half), abs=1e-4)


def test_what_cannot_be_told_from_nothing() -> None:
    assert Interval(0.1, -0.1, 0.3).holds_zero
    assert Interval(0.0, 0.0, 0.0).holds_zero
    assert not Interval(0.1, 0.01, 0.19).holds_zero
