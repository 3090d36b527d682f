"""Coefficients that change with the steps."""

from mathmill.recipe_reinforcement import Coefficient, Ramp


def at_step(coefficient: Coefficient, step: int, steps: int) -> float:
    """The coefficient at `step`, counted from 0, of `steps`: linear from `first` to `last`, and `last` from there on.

    `last` is reached at the step that begins the rest, so a ramp over all of two steps is `first`, then halfway.
    """
    if not isinstance(coefficient, Ramp):
        return float(coefficient)
    share = min(1.0, step / (coefficient.until * steps))
    return coefficient.first + share * (coefficient.last - coefficient.first)
