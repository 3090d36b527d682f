"""Learning-rate schedules, as factors of the peak rate."""

from mathmill.recipe_training import OptimizerRecipe

FIRST_DECAY, SECOND_DECAY = 0.8, 0.9
"""Shares of the steps after which the rate falls (section 2.2)."""


def rate_factor(step: int, steps: int, optimizer: OptimizerRecipe) -> float:
    """Factor of the peak learning rate for optimiser step `step`, counted from 0, of `steps`.

    Linear warm-up from 1/warmup to 1; then constant, or with `multi_step` x0.316 after 80% of the steps
    and x0.1 after 90% (section 2.2).
    """
    if step < optimizer.warmup_steps:
        return (step + 1) / optimizer.warmup_steps
    if optimizer.schedule == "constant" or step < FIRST_DECAY * steps:
        return 1.0
    return 0.316 if step < SECOND_DECAY * steps else 0.1
