"""The objective of GRPO, token by token and in full (Eq. 3 and 4 of the paper)."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class ObjectiveOutput:
    """The loss of a batch and what it is made of, as scalars."""

    loss: torch.Tensor
    """To minimise: minus the mean over the completions given."""
    kl: torch.Tensor
    clipped: torch.Tensor
    """Share of tokens whose ratio the clipping holds back."""


def k3(policy: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """Schulman's unbiased estimate of KL(policy, reference) of each token (Eq. 4), never negative.

    Args:
        policy: log-probabilities of the tokens under the policy.
        reference: the same under the reference, same shape.
    """
    log_ratio = reference - policy
    return torch.exp(log_ratio) - log_ratio - 1


def grpo_objective(
    policy: torch.Tensor,
    sampler: torch.Tensor,
    reference: torch.Tensor,
    advantages: torch.Tensor,
    mask: torch.Tensor,
    *,
    clip: float,
    kl_coefficient: float,
) -> ObjectiveOutput:
    """GRPO's objective: length normalisation within each completion first, then the mean over completions.

    Args:
        policy: log-probabilities under the policy that is trained, shape (completions, tokens).
        sampler: under the policy that drew the completions.
        reference: under the frozen reference.
        advantages: shape (completions,).
        mask: 1 for tokens of the completion, 0 for padding; every completion has a token.
        clip: range of the ratio (epsilon).
        kl_coefficient: beta.
    """
    ratio = torch.exp(policy - sampler)
    advantage = advantages[:, None]
    surrogate = torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)
    kl = k3(policy, reference)
    lengths = mask.sum(dim=1)
    per_completion = ((surrogate - kl_coefficient * kl) * mask).sum(dim=1) / lengths
    held = ((ratio > 1 + clip) & (advantage > 0)) | ((ratio < 1 - clip) & (advantage < 0))
    return ObjectiveOutput(
        loss=-per_completion.mean(),
        kl=((kl * mask).sum(dim=1) / lengths).mean().detach(),
        clipped=((held * mask).sum() / mask.sum()).detach(),
    )
