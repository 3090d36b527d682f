"""Gradient coefficients of sampled completions before the policy enters: one number a completion."""

import torch


def group_advantages(rewards: torch.Tensor, epsilon: float) -> torch.Tensor:
    """GRPO's outcome advantage (section 4.1.2): the reward normalised within its group.

    Args:
        rewards: float, shape (questions, group).
        epsilon: added to the standard deviation, which is the population's (the paper says neither).

    Returns:
        Same shape; zero for a group whose rewards are all equal.
    """
    mean = rewards.mean(dim=1, keepdim=True)
    deviation = rewards.std(dim=1, correction=0, keepdim=True)
    return (rewards - mean) / (deviation + epsilon)


def accepted(right: torch.Tensor) -> torch.Tensor:
    """Online rejection-sampling fine-tuning's coefficient (Eq. 10): 1 for a right answer, else 0."""
    return right.to(torch.float32)
