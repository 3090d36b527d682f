"""Losses of the head's logits. Each is a sum; the training step divides by the terms of the whole batch."""

import torch


def pointwise(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of each solution or step, summed.

    Math-Shepherd (arXiv 2312.08935), section 3.2, for outcome and process models; a soft label is its own target.

    Args:
        logits: shape (terms,).
        labels: probabilities of being right, of the same shape and dtype.
    """
    return torch.nn.functional.binary_cross_entropy_with_logits(logits, labels, reduction="sum")


def pairwise(logits: torch.Tensor) -> torch.Tensor:
    """The Bradley-Terry loss, -log sigmoid(right - wrong), summed over pairs (arXiv 2203.02155, equation 1).

    Args:
        logits: shape (2 x pairs,): of a right solution, of a wrong one, and so on.
    """
    right, wrong = logits.reshape(-1, 2).unbind(1)
    return torch.nn.functional.softplus(wrong - right).sum()
