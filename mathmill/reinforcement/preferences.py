"""Direct preference optimisation: pairs of an accepted and a rejected completion of one question."""

from collections.abc import Sequence

import torch

from mathmill.reinforcement.advantages import is_accepted
from mathmill.reinforcement.objectives import sequence_mean
from mathmill.reinforcement.sample import Group, Sample

Pair = tuple[Sample, Sample]
"""The accepted completion, and the rejected one."""


def pairs_of(groups: Sequence[Group]) -> list[Pair]:
    """Pairs within each group, each sample in one at most; a group of one sort gives none."""
    return [
        pair
        for group in groups
        for pair in zip(
            [one for one in group if is_accepted(one.reward)],
            [one for one in group if not is_accepted(one.reward)],
            strict=False,
        )
    ]


def dpo(
    log_probs: torch.Tensor, reference: torch.Tensor, mask: torch.Tensor, *, beta: float, normalised: bool
) -> torch.Tensor:
    """Log sigma(beta (L+ - L-)) of each pair, where L is a completion's log-ratio of policy to reference.

    Args:
        log_probs: of the drawn tokens under the policy, [2 x pairs, tokens], with gradient: an accepted completion, its
            rejected one, and so on.
        reference: the same under the reference, without gradient.
        mask: [2 x pairs, tokens].
        beta: strength of the pull to the reference.
        normalised: L is the mean over a completion's tokens, as the paper's appendix A.1.5 has it (Eq. 12). Otherwise
            the sum, as usual (arXiv 2305.18290, Eq. 7).

    Returns:
        [pairs]. The gradient's coefficient at a token is beta sigma(beta (L- - L+)), by 1/|o| if normalised, + on the
        accepted and - on the rejected completion; the paper's Eq. 14 writes it by token and without beta.
    """
    log_ratio = log_probs - reference
    logits = sequence_mean(log_ratio, mask) if normalised else torch.where(mask.bool(), log_ratio, 0.0).sum(dim=1)
    accepted, rejected = logits.reshape(-1, 2).unbind(1)
    return torch.nn.functional.logsigmoid(beta * (accepted - rejected))
