"""Ramps of coefficients."""

import pytest

from mathmill.recipe_reinforcement import Ramp
from mathmill.reinforcement.coefficient import at_step


@pytest.mark.parametrize(("step", "expected"), [(0, 0.1), (2, 0.06), (5, 0.0), (9, 0.0)])
def test_a_ramp_over_half_of_ten_steps(step, expected):
    assert at_step(Ramp(first=0.1, last=0.0, until=0.5), step, 10) == pytest.approx(expected)


def test_a_number_stays():
    assert at_step(0.04, 7, 10) == 0.04
