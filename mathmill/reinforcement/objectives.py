"""What reinforcement learning maximises, token by token, and how tokens become one number.

All functions take completions as rows, padded on either side: [completions, tokens], with a mask that is 1 on the
tokens that were drawn. They are written to be maximised; a loss is their negative.
"""

import torch


def clipped_ratio(ratio: torch.Tensor, advantages: torch.Tensor, clip: float) -> torch.Tensor:
    """min(rho A, clip(rho, 1 - eps, 1 + eps) A), of Eq. 1 and 3.

    Args:
        ratio: rho, the token's probability under the policy over that under the policy that drew it.
        advantages: A, of a shape that broadcasts to the ratio's.
        clip: eps.
    """
    return torch.minimum(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages)


def is_clipped(ratio: torch.Tensor, advantages: torch.Tensor, clip: float) -> torch.Tensor:
    """Where the clipping of `clipped_ratio` holds a token back, so that it has no gradient; bool."""
    return ((ratio > 1 + clip) & (advantages > 0)) | ((ratio < 1 - clip) & (advantages < 0))


def k3(log_probs: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """The estimate of the divergence from the reference at each token: pi_ref/pi - log(pi_ref/pi) - 1 (Eq. 4)."""
    log_ratio = reference - log_probs
    return torch.expm1(log_ratio) - log_ratio


def sequence_mean(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The mean over the drawn tokens of each completion: 1/|o| sum over t.

    Args:
        values: [completions, tokens]; what stands where the mask is 0 does not matter.
        mask: [completions, tokens], at least one 1 a row.

    Returns:
        [completions].
    """
    return torch.where(mask.bool(), values, 0.0).sum(dim=1) / mask.sum(dim=1)


def grpo(
    log_probs: torch.Tensor,
    old: torch.Tensor,
    reference: torch.Tensor,
    advantages: torch.Tensor,
    mask: torch.Tensor,
    *,
    clip: float,
    kl_coefficient: float,
) -> torch.Tensor:
    """GRPO's objective for each completion (Eq. 3); its mean over group and questions is what to maximise.

    The divergence stands inside the mean over tokens, and a completion's length divides before the group's size does.

    Args:
        log_probs: of the drawn tokens under the policy, [completions, tokens], with gradient.
        old: the same under the policy that drew them, without gradient.
        reference: the same under the reference, without gradient.
        advantages: [completions].
        mask: [completions, tokens], 1 on drawn tokens.
        clip: range of the probability ratio.
        kl_coefficient: beta.

    Returns:
        [completions].
    """
    gain = clipped_ratio(torch.exp(log_probs - old), advantages[:, None], clip)
    return sequence_mean(gain - kl_coefficient * k3(log_probs, reference), mask)


def online_rft(log_probs: torch.Tensor, coefficients: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Online RFT's objective for each completion: its mean log-probability, times 1 or 0 (Eq. 10).

    Args:
        log_probs: of the drawn tokens under the policy, [completions, tokens], with gradient.
        coefficients: [completions], from `right_only`.
        mask: [completions, tokens], 1 on drawn tokens.

    Returns:
        [completions].
    """
    return sequence_mean(coefficients[:, None] * log_probs, mask)
