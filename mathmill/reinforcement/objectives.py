"""What reinforcement learning maximises, token by token, and how tokens become one number.

Every method of the paper's table 10 has one form, E[1/|o| sum over t of GC(q, o, t) grad log pi(o_t)]; the functions
here are what has that gradient. They take completions as rows, padded on either side: [completions, tokens], with a
mask that is 1 on the tokens that were drawn. They are written to be maximised; a loss is their negative.
"""

from dataclasses import dataclass

import torch

from mathmill.recipe_reinforcement import ReinforceRecipe


@dataclass(frozen=True, slots=True)
class Clip:
    """The range that the probability ratio is kept in: [1 - low, 1 + high]."""

    low: float
    high: float

    @classmethod
    def of(cls, settings: ReinforceRecipe) -> "Clip":
        """The recipe's."""
        return cls(settings.clip, settings.clip if settings.clip_high is None else settings.clip_high)


def likelihood(log_probs: torch.Tensor, coefficients: torch.Tensor) -> torch.Tensor:
    """The log-probability of each token times its coefficient: 1 for SFT, 1 or 0 for RFT and Online RFT (Eq. 10).

    Args:
        log_probs: of the drawn tokens under the policy, [completions, tokens], with gradient.
        coefficients: of a shape that broadcasts to theirs.
    """
    return coefficients * log_probs


def clipped_ratio(ratio: torch.Tensor, advantages: torch.Tensor, clip: Clip) -> torch.Tensor:
    """min(rho A, clip(rho, 1 - eps, 1 + eps) A), of Eq. 1 and 3; with two eps, DAPO's (arXiv 2503.14476, Eq. 8).

    Args:
        ratio: rho, the token's probability under the policy over that under the policy that drew it.
        advantages: A, of a shape that broadcasts to the ratio's.
        clip: eps.
    """
    return torch.minimum(ratio * advantages, ratio.clamp(1 - clip.low, 1 + clip.high) * advantages)


def is_clipped(ratio: torch.Tensor, advantages: torch.Tensor, clip: Clip) -> torch.Tensor:
    """Where the clipping of `clipped_ratio` holds a token back, so that it has no gradient; bool."""
    return ((ratio > 1 + clip.high) & (advantages > 0)) | ((ratio < 1 - clip.low) & (advantages < 0))


def cispo(log_probs: torch.Tensor, ratio: torch.Tensor, advantages: torch.Tensor, clip: Clip) -> torch.Tensor:
    """The log-probability times the advantage and the clipped ratio, which has no gradient itself.

    So no token is left out, however far its ratio (MiniMax-M1, arXiv 2506.13585, Eq. 4 and 5).
    """
    return ratio.detach().clamp(1 - clip.low, 1 + clip.high) * advantages * log_probs


def sequence_ratio(log_probs: torch.Tensor, old: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The geometric mean of a completion's ratios, at each of its tokens (GSPO, arXiv 2507.18071, Eq. 7).

    Its value is one for the completion; its gradient is shared among the tokens (Eq. 13 there: GSPO-token), so that the
    mean over them is the sequence's own objective.

    Returns:
        [completions, tokens].
    """
    log_ratio = sequence_mean(log_probs - old, mask).detach()[:, None]
    return torch.exp(log_ratio + log_probs - log_probs.detach())


def k3(log_probs: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """The estimate of the divergence from the reference at each token: pi_ref/pi - log(pi_ref/pi) - 1 (Eq. 4)."""
    log_ratio = reference - log_probs
    return torch.expm1(log_ratio) - log_ratio


def importance(old: torch.Tensor, sampler: torch.Tensor, cap: float) -> torch.Tensor:
    """Truncated importance weights min(pi_old / pi_sampler, cap) of the drawn tokens, without gradient.

    For samples of an engine whose numbers differ from the trainer's, or of older weights ("Your efficient RL framework
    secretly brings you off-policy RL training", F. Yao et al., 2025; the truncation: Ionides, 2008).
    """
    return torch.exp(old - sampler).clamp(max=cap).detach()


def sequence_mean(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The mean over the drawn tokens of each completion: 1/|o| sum over t.

    Args:
        values: [completions, tokens]; what stands where the mask is 0 does not matter.
        mask: [completions, tokens], at least one 1 a row.

    Returns:
        [completions].
    """
    return torch.where(mask.bool(), values, 0.0).sum(dim=1) / mask.sum(dim=1)


@dataclass(frozen=True, slots=True)
class Totals:
    """What a step's objective is a mean over, on all ranks."""

    completions: int
    tokens: int
    """Those drawn."""


def token_weights(mask: torch.Tensor, settings: ReinforceRecipe, totals: Totals) -> torch.Tensor:
    """The weight of each drawn token in the objective of the step; their sum over a step is 1 but for `constant`.

    Args:
        mask: [completions, tokens].
        settings: `aggregation`, and the greatest length.
        totals: of the whole step.

    Returns:
        [completions, tokens]: 1/(N |o|) for `sequence`, 1/(all tokens) for `token`, 1/(N greatest length) for
        `constant`.
    """
    if settings.aggregation == "token":
        return mask / totals.tokens
    if settings.aggregation == "constant":
        return mask / (totals.completions * settings.sampling.max_new_tokens)
    return mask / (totals.completions * mask.sum(dim=1, keepdim=True))
