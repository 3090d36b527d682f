"""When a training loss has diverged."""

import math
from collections.abc import Sequence
from statistics import median

from mathmill.recipe_training import DivergenceRecipe


def divergence(losses: Sequence[float], rule: DivergenceRecipe) -> str | None:
    """Why the last of `losses`, in nats, counts as diverged; None where it does not.

    It does when it is no number, and when it is more than `rule.spike` above the median of the `rule.window` losses
    before it. Fewer than these say nothing.
    """
    loss = losses[-1]
    if not math.isfinite(loss):
        return f"the loss is {loss}"
    before = losses[-1 - rule.window : -1]
    if len(before) == rule.window and loss > median(before) + rule.spike:
        return f"the loss is {loss:.3f}, more than {rule.spike:g} above the median of the last {rule.window} losses"
    return None
