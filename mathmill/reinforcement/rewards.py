"""Reward functions, and their weighted sum."""

from collections.abc import Mapping, Sequence

from mathmill.evaluation.grading import Verdict
from mathmill.recipe import RewardPart


def rule(verdicts: Sequence[Verdict]) -> list[float]:
    """1 for each right answer, else 0."""
    return [float(verdict.right) for verdict in verdicts]


def weighted_sum(parts: Sequence[RewardPart], rewards: Mapping[str, Sequence[float]]) -> list[float]:
    """The reward of each completion.

    Args:
        parts: terms of the sum.
        rewards: what each kind of reward function gives the completions, by its kind.
    """
    columns = [[part.weight * value for value in rewards[part.kind]] for part in parts]
    return [sum(terms) for terms in zip(*columns, strict=True)]
