"""The schedules, at every boundary."""

import pytest

from mathmill.recipe_training import OptimizerRecipe
from mathmill.training.schedule import rate_factor


@pytest.mark.parametrize(
    ("step", "factor"),
    [(0, 0.1), (4, 0.5), (9, 1.0), (10, 1.0), (79, 1.0), (80, 0.316), (89, 0.316), (90, 0.1), (99, 0.1)],
)
def test_multi_step_with_ten_warm_up_steps_of_a_hundred(step: int, factor: float) -> None:
    optimizer = OptimizerRecipe(learning_rate=1.0, schedule="multi_step", warmup_steps=10)
    assert rate_factor(step, 100, optimizer) == pytest.approx(factor, abs=1e-12)


@pytest.mark.parametrize("step", [0, 50, 99])
def test_constant_never_changes(step: int) -> None:
    assert rate_factor(step, 100, OptimizerRecipe(learning_rate=1.0)) == 1.0
