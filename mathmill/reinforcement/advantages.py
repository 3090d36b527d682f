"""From rewards to the weight of each token in the objective."""

from collections.abc import Callable, Sequence

import torch

from mathmill.recipe_reinforcement import ReinforceRecipe
from mathmill.reinforcement.sample import Group, Sample, Steps

ACCEPTED = 0.5
"""A reward above it counts as that of a right answer, where a method knows only right and wrong."""


def is_accepted(reward: float) -> bool:
    """Whether a method that knows only right and wrong takes the completion for right (Eq. 10)."""
    return reward > ACCEPTED


def group_normalised(rewards: torch.Tensor, epsilon: float) -> torch.Tensor:
    """GRPO's advantage under outcome supervision (section 4.1.2): (r - mean(r)) / std(r) within the group.

    The paper does not say which standard deviation it takes. This one is the population's, divided by G; where all
    rewards of a group are equal, `epsilon` makes the advantages 0 instead of 0/0.

    Args:
        rewards: [questions, G], floating.
        epsilon: added to the standard deviation.

    Returns:
        Advantages [questions, G], the same for every token of a completion.
    """
    return group_centred(rewards) / (rewards.std(dim=1, correction=0, keepdim=True) + epsilon)


def group_centred(rewards: torch.Tensor) -> torch.Tensor:
    """Dr. GRPO's advantage, r - mean(r) within the group (arXiv 2503.20783, section 3.1).

    Without the division by the deviation, which favours questions that are nearly always or nearly never solved.

    Args:
        rewards: [questions, G], floating.
    """
    return rewards - rewards.mean(dim=1, keepdim=True)


def leave_one_out(rewards: torch.Tensor) -> torch.Tensor:
    """RLOO's advantage: the reward less the mean of the group's others (arXiv 2402.14740, section 2.2).

    Args:
        rewards: [questions, G], floating; G at least 2.
    """
    group = rewards.shape[1]
    return group_centred(rewards) * (group / (group - 1))


def batch_normalised(rewards: torch.Tensor, epsilon: float) -> torch.Tensor:
    """REINFORCE++ with baseline (arXiv 2501.03262, section 3.3).

    The group's mean is subtracted, and the deviation of what is left in the whole step divides.

    Args:
        rewards: [questions, G] of the whole step, floating.
        epsilon: added to the standard deviation, which is the population's.
    """
    centred = group_centred(rewards)
    return centred / (centred.std(correction=0) + epsilon)


def process_normalised(group: Sequence[Steps], lengths: Sequence[int], epsilon: float) -> list[torch.Tensor]:
    """GRPO's advantages under process supervision (section 4.1.3), of one group.

    The rewards of all steps of all the group's completions are normalised together; a token's advantage is the sum of
    those of the steps that end at it or after it. Tokens after the last step get 0.

    Args:
        group: of each completion the ends of its steps and their rewards.
        lengths: tokens of each completion.
        epsilon: added to the standard deviation, which is the population's.

    Returns:
        Of each completion, [tokens] float64.
    """
    pooled = torch.tensor([reward for steps in group for reward in steps.rewards], dtype=torch.float64)
    if not len(pooled):
        return [torch.zeros(length, dtype=torch.float64) for length in lengths]
    mean, deviation = pooled.mean(), pooled.std(correction=0)
    advantages = []
    for steps, length in zip(group, lengths, strict=True):
        normalised = (torch.tensor(steps.rewards, dtype=torch.float64) - mean) / (deviation + epsilon)
        at_ends = torch.zeros(length, dtype=torch.float64).index_add(0, torch.tensor(steps.ends).long(), normalised)
        advantages.append(at_ends.flip(0).cumsum(0).flip(0))
    return advantages


def generalised(
    rewards: torch.Tensor, values: torch.Tensor, *, discount: float, gae_lambda: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Generalised advantage estimation of one completion (arXiv 1506.02438, Eq. 16).

    A_t = sum over l of (discount lambda)^l delta_(t+l), with delta_t = r_t + discount V_(t+1) - V_t and V = 0 after the
    last token.

    Args:
        rewards: [tokens].
        values: [tokens]: V_t, the value before the token is drawn.
        discount: gamma.
        gae_lambda: lambda.

    Returns:
        Advantages, and the returns A + V that the critic learns: [tokens] each.
    """
    following = torch.cat([values[1:], values.new_zeros(1)])
    deltas = rewards + discount * following - values
    advantages = torch.zeros_like(deltas)
    running = deltas.new_zeros(())
    for place in range(len(deltas) - 1, -1, -1):
        running = deltas[place] + discount * gae_lambda * running
        advantages[place] = running
    return advantages, advantages + values


def coefficients(groups: Sequence[Group], settings: ReinforceRecipe) -> list[torch.Tensor]:
    """The gradient's coefficient of each token as far as rewards decide it: of all algorithms but PPO and DPO.

    Args:
        groups: of the whole step, on all ranks.
        settings: the algorithm, and for GRPO its advantage and supervision.

    Returns:
        Of each sample, group after group, [tokens] float64.
    """
    samples = [sample for group in groups for sample in group]
    lengths = [len(sample.completion.token_ids) for sample in samples]
    if settings.algorithm == "grpo" and settings.supervision == "process":
        return _of_steps(groups, settings)
    whole = _of_completions(groups, settings).tolist()
    return [torch.full((length,), one, dtype=torch.float64) for length, one in zip(lengths, whole, strict=True)]


def token_rewards(sample: Sample) -> torch.Tensor:
    """What PPO's tokens earn, [tokens] float64: a step's reward at its last token, all else at the completion's."""
    rewards = torch.zeros(len(sample.completion.token_ids), dtype=torch.float64)
    if sample.steps is None:
        rewards[-1] = sample.reward
        return rewards
    rewards.index_add_(0, torch.tensor(sample.steps.ends).long(), torch.tensor(sample.steps.rewards).double())
    rewards[-1] += sample.whole
    return rewards


def _of_completions(groups: Sequence[Group], settings: ReinforceRecipe) -> torch.Tensor:
    rewards = torch.tensor([[sample.reward for sample in group] for group in groups], dtype=torch.float64)
    if settings.algorithm == "sft":
        return torch.ones_like(rewards).flatten()
    if settings.algorithm in ("rft", "online_rft"):
        return (rewards > ACCEPTED).double().flatten()
    return _advantage(settings)(rewards).flatten()


def _of_steps(groups: Sequence[Group], settings: ReinforceRecipe) -> list[torch.Tensor]:
    """Advantages of the steps, and to all tokens of a completion that of the rewards which are of no step."""
    found = []
    for group in groups:
        steps = [sample.steps or Steps([], []) for sample in group]
        lengths = [len(sample.completion.token_ids) for sample in group]
        whole = group_normalised(torch.tensor([[one.whole for one in group]]).double(), settings.advantage_epsilon)[0]
        of_steps = process_normalised(steps, lengths, settings.advantage_epsilon)
        found += [tokens + one for tokens, one in zip(of_steps, whole, strict=True)]
    return found


def _advantage(settings: ReinforceRecipe) -> Callable[[torch.Tensor], torch.Tensor]:
    epsilon = settings.advantage_epsilon
    return {
        "group": lambda rewards: group_normalised(rewards, epsilon),
        "group_centred": group_centred,
        "leave_one_out": leave_one_out,
        "batch": lambda rewards: batch_normalised(rewards, epsilon),
    }[settings.advantage]
