"""When a loss counts as diverged."""

import math

import pytest

from mathmill.recipe_training import DivergenceRecipe
from mathmill.training.divergence import divergence

RULE = DivergenceRecipe(spike=2.0, window=4)


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_what_is_no_number_diverges_at_once(loss: float) -> None:
    assert divergence([loss], RULE) == f"the loss is {loss}"


@pytest.mark.parametrize(
    ("losses", "diverged"),
    [
        ([3, 1, 2, 5, 4.4], False),
        ([3, 1, 2, 5, 4.6], True),
        ([1, 2, 5, 9], False),
        ([9, 3, 1, 2, 5, 4.4], False),
    ],
    ids=["1.9 above the median of 2.5", "2.1 above it", "too few losses before", "the window alone counts"],
)
def test_a_spike_is_measured_from_the_median_of_the_window(losses: list[float], diverged: bool) -> None:
    assert (divergence(losses, RULE) is not None) == diverged
