"""The optimiser steps that follow an exploration."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist

from mathmill.recipe import Recipe, ReinforceRecipe
from mathmill.reinforcement import objectives
from mathmill.reinforcement.advantages import group_normalised, right_only
from mathmill.reinforcement.batch import Batch, token_log_probs
from mathmill.reinforcement.sampling import Sample
from mathmill.training.session import Session


def coefficients(samples: Sequence[Sample], settings: ReinforceRecipe) -> torch.Tensor:
    """The weight of each sample in the objective, [samples] float32; groups stand one after another."""
    shape = (-1, settings.group)
    if settings.algorithm == "online_rft":
        return right_only(torch.tensor([sample.verdict.right for sample in samples]).view(shape)).flatten()
    rewards = torch.tensor([sample.reward for sample in samples], dtype=torch.float64).view(shape)
    return group_normalised(rewards, settings.advantage_epsilon).flatten().float()


@dataclass(slots=True)
class Portion:
    """The samples of one forward pass."""

    batch: Batch
    coefficients: torch.Tensor
    """[samples]."""
    sampler: torch.Tensor
    """Log-probabilities that the sampler gave the drawn tokens, [samples, tokens], 0 on padding."""
    old: torch.Tensor | None = None
    """The same from the trainer before its first update; set by the first pass."""
    reference: torch.Tensor | None = None
    """The same under the reference; set by the first pass."""


def portions(samples: Sequence[Sample], settings: ReinforceRecipe, pad: int, device: torch.device) -> list[Portion]:
    """The samples by length, so that little is padding, in forward passes of `micro_batch`."""
    weights = coefficients(samples, settings)
    order = sorted(range(len(samples)), key=lambda i: len(samples[i].completion.token_ids))
    made = []
    for start in range(0, len(order), settings.micro_batch):
        chosen = order[start : start + settings.micro_batch]
        part = [samples[i] for i in chosen]
        batch = Batch.of([one.prompt for one in part], [one.completion.token_ids for one in part], pad, device)
        sampler = torch.zeros(batch.mask.shape)
        for row, one in enumerate(part):
            sampler[row, : len(one.completion.log_probs)] = torch.tensor(one.completion.log_probs)
        made.append(Portion(batch, weights[chosen].to(device), sampler.to(device)))
    return made


class Totals:
    """Sums over all tokens of an exploration, and the greatest gap between sampler and trainer."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.sums = {"completions": 0.0, "tokens": 0.0, "objective": 0.0, "kl": 0.0, "entropy": 0.0, "clipped": 0.0}
        self.gap = 0.0

    def figures(self, device: torch.device) -> dict[str, float]:
        """Means over what all ranks counted."""
        values = torch.tensor(list(self.sums.values()), dtype=torch.float64, device=device)
        gap = torch.tensor(self.gap, dtype=torch.float64, device=device)
        dist.all_reduce(values)
        dist.all_reduce(gap, op=dist.ReduceOp.MAX)
        summed = dict(zip(self.sums, values.tolist(), strict=True))
        return {
            "objective": summed["objective"] / summed["completions"],
            "kl": summed["kl"] / summed["completions"],
            "entropy": summed["entropy"] / summed["tokens"],
            "clip_ratio/region_mean": summed["clipped"] / summed["tokens"],
            "rollout/logprob_abs_diff_max": float(gap),
        }


def update(
    session: Session, reference: Any | None, samples: Sequence[Sample], recipe: Recipe, pad: int, device: torch.device
) -> dict[str, float]:
    """Take `reinforce.updates` optimiser steps on this rank's samples; figures over all ranks.

    Args:
        session: the policy; its accumulation is the number of forward passes of an optimiser step.
        reference: the frozen reference, or None where the objective has no divergence from one.
        samples: whole groups, one after another.
        recipe: the settings.
        pad: any token id.
        device: where the policy is.
    """
    parts = portions(samples, recipe.reinforce, pad, device)
    totals = Totals()
    for _ in range(recipe.reinforce.updates):
        for part in parts:
            objective = _objective(session, reference, part, recipe.reinforce, totals)
            # DeepSpeed takes the mean over ranks and passes; a last, smaller pass counts by its samples.
            session.backward(-objective.sum() * (len(parts) / len(samples)))
            session.step()
    return totals.figures(device)


def _objective(
    session: Session, reference: Any | None, part: Portion, settings: ReinforceRecipe, totals: Totals
) -> torch.Tensor:
    """The objective of each sample of a forward pass, with gradient."""
    temperature = settings.sampling.temperature
    log_probs, entropy = token_log_probs(session.engine, part.batch, temperature)
    detached = log_probs.detach()
    if part.old is None:
        part.old = detached
        totals.gap = max(totals.gap, float((detached - part.sampler).abs().max()))
    if part.reference is None:
        part.reference = detached if reference is None else _frozen(reference, part.batch, temperature)
    mask = part.batch.mask
    if settings.algorithm == "online_rft":
        objective = objectives.online_rft(log_probs, part.coefficients, mask)
        clipped = torch.zeros_like(mask)
    else:
        objective = objectives.grpo(
            log_probs,
            part.old,
            part.reference,
            part.coefficients,
            mask,
            clip=settings.clip,
            kl_coefficient=settings.kl_coefficient,
        )
        clipped = (
            objectives.is_clipped(torch.exp(detached - part.old), part.coefficients[:, None], settings.clip) * mask
        )
    totals.sums["completions"] += len(mask)
    totals.sums["tokens"] += float(mask.sum())
    totals.sums["objective"] += float(objective.detach().sum())
    totals.sums["kl"] += float(objectives.sequence_mean(objectives.k3(detached, part.reference), mask).sum())
    totals.sums["entropy"] += float(entropy.sum())
    totals.sums["clipped"] += float(clipped.sum())
    return objective


@torch.no_grad()
def _frozen(reference: Any, batch: Batch, temperature: float) -> torch.Tensor:
    return token_log_probs(reference, batch, temperature)[0]
