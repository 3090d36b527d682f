"""The forward passes of a step, and what each has to know."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import torch

from mathmill.recipe_reinforcement import PREFERENCES, ReinforceRecipe
from mathmill.reinforcement.layout import Row, padded
from mathmill.reinforcement.objectives import Totals, token_weights
from mathmill.reinforcement.preferences import pairs_of
from mathmill.reinforcement.sample import Group, Sample


@dataclass(slots=True)
class Pass:
    """The samples of one forward pass, in each of the step's updates."""

    samples: list[Sample]
    row: Row
    weights: torch.Tensor
    """Of the drawn tokens in the step's objective, [samples, tokens]; for preferences of the pairs, [pairs]."""
    empty: bool
    """Whether its one sample or pair weighs nothing, and stands there only that ranks keep in step."""
    sampler: torch.Tensor | None
    """Log-probabilities that the sampler gave the drawn tokens, [samples, tokens], 0 on padding."""
    coefficients: torch.Tensor = field(default_factory=torch.Tensor)
    """Of the gradient, as far as rewards decide it, [samples, tokens]; no preference has any."""
    old: torch.Tensor = field(default_factory=torch.Tensor)
    """Log-probabilities under the policy that the ratio is to, [samples, tokens]; set by the first update."""
    reference: torch.Tensor = field(default_factory=torch.Tensor)
    """The same under the reference; empty where there is none."""
    values: torch.Tensor = field(default_factory=torch.Tensor)
    """PPO: the critic's before the step's first update, [samples, tokens]."""
    returns: torch.Tensor = field(default_factory=torch.Tensor)
    """PPO: what the critic learns, [samples, tokens]."""

    @classmethod
    def of(
        cls, samples: list[Sample], settings: ReinforceRecipe, totals: Totals, device: torch.device, *, empty: bool
    ) -> Self:
        """Lay out `samples`, those of a prompt together."""
        row = Row.of(samples, device)
        if settings.algorithm in PREFERENCES:
            weights = torch.full(
                (len(samples) // 2,), 1 / max(1, totals.completions // 2), dtype=torch.float64, device=device
            )
        else:
            weights = token_weights(row.mask, settings, totals)
        sampler = None
        if samples[0].completion.log_probs:
            sampler = padded([torch.tensor(one.completion.log_probs, dtype=torch.float64) for one in samples]).to(
                device
            )
        return cls(samples, row, weights * (not empty), empty, sampler)

    @property
    def mask(self) -> torch.Tensor:
        """1 on the drawn tokens that figures are a mean over, [samples, tokens]."""
        return self.row.mask * (not self.empty)


def learned(groups: Sequence[Group], settings: ReinforceRecipe) -> list[Sample]:
    """The samples that a step learns from, in the order of their passes: all, or those that make pairs."""
    if settings.algorithm in PREFERENCES:
        return [sample for pair in pairs_of(groups) for sample in pair]
    return [sample for group in groups for sample in group]


def passes_of_step(
    groups: Sequence[Group], settings: ReinforceRecipe, totals: Totals, count: int, device: torch.device
) -> list[Pass]:
    """This rank's `count` forward passes, equally large but for one sample or pair.

    With fewer samples than passes, as preferences may have, the last passes have one that weighs nothing, since every
    rank must take as many.
    """
    samples = learned(groups, settings)
    size = 2 if settings.algorithm in PREFERENCES else 1
    units = [samples[start : start + size] for start in range(0, len(samples), size)]
    share, more = divmod(len(units), count)
    made = []
    start = 0
    for number in range(count):
        end = start + share + (number < more)
        chosen = [sample for unit in units[start:end] for sample in unit]
        made.append(Pass.of(chosen or [groups[0][0]] * size, settings, totals, device, empty=not chosen))
        start = end
    return made
