"""The optimiser steps that follow an exploration."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.distributed as dist

from mathmill.errors import UserError
from mathmill.recipe import Recipe
from mathmill.recipe_reinforcement import CLIPPED, PREFERENCES
from mathmill.reinforcement import objectives
from mathmill.reinforcement.advantages import coefficients
from mathmill.reinforcement.coefficient import at_step
from mathmill.reinforcement.critic import CriticLearner
from mathmill.reinforcement.layout import padded
from mathmill.reinforcement.passes import Pass, learned, passes_of_step
from mathmill.reinforcement.policy import Reference
from mathmill.reinforcement.preferences import dpo
from mathmill.reinforcement.sample import Group
from mathmill.training.session import Session, rank, world_size


@dataclass(frozen=True, slots=True)
class Learner:
    """What is learned, and what it is held to."""

    session: Session
    """The policy; its accumulation is the number of forward passes of an optimiser step."""
    passes: int
    """That number."""
    reference: Reference | None
    critic: CriticLearner | None
    recipe: Recipe
    device: torch.device

    @property
    def temperature(self) -> float:
        """What divides the logits, as it did when tokens were drawn."""
        return self.recipe.reinforce.sampling.temperature or 1.0


class Sums:
    """Sums over the tokens of an exploration, and the greatest gap between sampler and trainer."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.of: dict[str, float] = {}
        self.greatest_gap = 0.0

    def add(self, **values: float | torch.Tensor) -> None:
        """Add to the sums of these names."""
        for name, value in values.items():
            self.of[name] = self.of.get(name, 0.0) + float(value)

    def figures(self, device: torch.device) -> dict[str, float]:
        """Means over what all ranks counted; every rank has the same names."""
        values = torch.tensor(list(self.of.values()), dtype=torch.float64, device=device)
        gap = torch.tensor(self.greatest_gap, dtype=torch.float64, device=device)
        dist.all_reduce(values)
        dist.all_reduce(gap, op=dist.ReduceOp.MAX)
        summed = dict(zip(self.of, values.tolist(), strict=True))
        tokens = max(1.0, summed.pop("tokens"))
        drawn, gaps = summed.pop("drawn", 0.0), summed.pop("gap", 0.0)
        figures = {}
        if drawn:
            figures = {"rollout/logprob_abs_diff_mean": gaps / drawn, "rollout/logprob_abs_diff_max": float(gap)}
        return figures | {name: value / tokens for name, value in summed.items()}


def update(learner: Learner, mine: Sequence[Group], everyone: Sequence[Group], step: int) -> dict[str, float]:
    """Take `reinforce.updates` optimiser steps; figures over all ranks.

    Args:
        learner: what learns.
        mine: this rank's groups.
        everyone: those of all ranks, of which every `world_size()`-th from this rank's number on is this rank's.
        step: counted from 0.

    Raises:
        UserError: sampler and trainer do not agree on what was drawn.
    """
    settings = learner.recipe.reinforce
    counted = learned(everyone, settings)
    tokens = sum(sum(sample.written) for sample in counted)
    totals = objectives.Totals(len(counted), tokens)
    parts = passes_of_step(mine, settings, totals, learner.passes, learner.device)
    prepare(learner, parts, everyone, step)
    sums = Sums()
    for _ in range(settings.updates):
        for part in parts:
            value = objective(learner, part, step, sums)
            sums.add(objective=value.detach() * tokens / settings.updates)
            # DeepSpeed takes the mean over ranks and passes.
            learner.session.backward(-value * (len(parts) * world_size()))
            learner.session.step()
        if learner.critic is not None:
            learner.critic.learn(parts, sums)
    figures = sums.figures(learner.device)
    _check_gap(figures, learner.recipe)
    return figures


def prepare(learner: Learner, parts: Sequence[Pass], everyone: Sequence[Group], step: int) -> None:
    """Give the passes what stays the same in all updates of the step: the reference's view, and the coefficients."""
    settings = learner.recipe.reinforce
    if learner.reference is not None:
        for part in parts:
            part.reference = part.row.by_completion(learner.reference.log_probs(part.row, learner.temperature))
    if learner.critic is not None:
        learner.critic.judge(parts, at_step(settings.kl_coefficient, step, settings.steps))
    elif settings.algorithm not in PREFERENCES:
        _set_coefficients(parts, everyone, learner)


def _set_coefficients(parts: Sequence[Pass], everyone: Sequence[Group], learner: Learner) -> None:
    """Give the passes, which hold this rank's samples in order, their tokens' coefficients."""
    of_all = coefficients(everyone, learner.recipe.reinforce)
    size = len(everyone[0])
    mine = [of_all[place] for place in range(len(of_all)) if place // size % world_size() == rank()]
    rest = iter(mine)
    for part in parts:
        tokens = [torch.zeros(length, dtype=torch.float64) if part.empty else next(rest) for length in part.row.lengths]
        part.coefficients = padded(tokens).to(learner.device)


def objective(learner: Learner, part: Pass, step: int, sums: Sums) -> torch.Tensor:
    """What the samples of a pass add to the step's objective, a scalar with gradient; `sums` gets its figures."""
    settings = learner.recipe.reinforce
    flat, flat_entropy = learner.session.engine(part.row, learner.temperature)
    log_probs, entropy = part.row.by_completion(flat), part.row.by_completion(flat_entropy)
    detached, mask = log_probs.detach(), part.row.mask
    beta = at_step(settings.kl_coefficient, step, settings.steps)
    on_policy = settings.source == "policy" and settings.lag == 0
    if not len(part.old):
        trusted = part.sampler is None or on_policy or settings.importance_cap is not None
        part.old = detached if trusted else part.sampler
        _count(part, detached, entropy.detach(), on_policy, sums)
    if settings.algorithm in PREFERENCES:
        normalised = settings.algorithm == "dpo_paper"
        return (part.weights * dpo(log_probs, part.reference, mask, beta=beta, normalised=normalised)).sum()
    values = _gain(learner, part, log_probs, sums)
    if settings.algorithm == "grpo" and learner.reference is not None:
        values = values - beta * objectives.k3(log_probs, part.reference)
    if bonus := at_step(settings.entropy_coefficient, step, settings.steps):
        values = values + bonus * entropy
    return (part.weights * values).sum()


def _gain(learner: Learner, part: Pass, log_probs: torch.Tensor, sums: Sums) -> torch.Tensor:
    """The part of the objective that rewards decide, [samples, tokens]."""
    settings = learner.recipe.reinforce
    advantages, old, mask = part.coefficients, part.old, part.row.mask
    if settings.algorithm not in CLIPPED:
        return objectives.likelihood(log_probs, advantages)
    clip = objectives.Clip.of(settings)
    if settings.ratio == "sequence":
        ratio = objectives.sequence_ratio(log_probs, old, mask)
    else:
        ratio = torch.exp(log_probs - old)
    if settings.surrogate == "cispo":
        gain = objectives.cispo(log_probs, ratio, advantages, clip)
    else:
        gain = objectives.clipped_ratio(ratio, advantages, clip)
    clipped = objectives.is_clipped(ratio.detach(), advantages, clip) * part.mask
    weights = torch.ones_like(mask)
    if settings.importance_cap is not None and part.sampler is not None:
        weights = objectives.importance(old, part.sampler, settings.importance_cap)
    shares = {"clip_ratio/region_mean": clipped.sum(), "importance/mean": (weights * part.mask).sum()}
    sums.add(**{name: value / settings.updates for name, value in shares.items()})
    return weights * gain


def _count(part: Pass, log_probs: torch.Tensor, entropy: torch.Tensor, on_policy: bool, sums: Sums) -> None:
    """Figures of the policy as it was before the step's first update."""
    mask = part.mask
    sums.add(tokens=mask.sum(), entropy=(entropy * mask).sum())
    if len(part.reference):
        sums.add(kl=(objectives.k3(log_probs, part.reference) * mask).sum())
    if part.sampler is not None and on_policy:
        gap = (log_probs - part.sampler).abs() * mask
        sums.add(gap=gap.sum(), drawn=mask.sum())
        sums.greatest_gap = max(sums.greatest_gap, float(gap.max()))


def _check_gap(figures: dict[str, float], recipe: Recipe) -> None:
    gap = figures.get("rollout/logprob_abs_diff_mean", 0.0)
    if gap > recipe.reinforce.gap_bound:
        raise UserError(
            f"recipe {recipe.name}: sampler and trainer differ by {gap:.3g} nats a token, above reinforce.gap_bound"
            f" {recipe.reinforce.gap_bound}: the engine draws from other weights, or raise the bound"
        )
