"""The loss of a causal language model, by the group of rows that a token is in."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from mathmill.errors import UserError

CHUNKS = nn.LinearCrossEntropyOptions()
SAMPLE_TOKENS = 8
IGNORED = -100
"""Target of a token that predicts none."""


class CausalLoss(nn.Module):
    """A causal language model that answers with its loss.

    On a GPU, where the logits of all tokens would take most of the memory, they are computed in chunks.
    """

    def __init__(self, model: Any) -> None:
        """Wrap `model`, an `AutoModelForCausalLM`.

        Raises:
            UserError: its logits are more than a linear map of its last hidden state.
        """
        super().__init__()
        self.model = model
        check_linear_head(model)

    def forward(
        self,
        input_ids: torch.Tensor,
        targets: torch.Tensor,
        groups: Sequence[int],
        position_ids: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Sum of -log p(target | tokens up to there) over the rows of each group, in nats.

        Args:
            input_ids: [rows, tokens] int64.
            targets: [rows, tokens - 1] int64, the token after each, or `IGNORED`.
            groups: number of rows of each group, in order.
            position_ids: [rows, tokens] int64; where they restart, what comes before is not seen. None: they run on.

        Returns:
            [groups], in float32 at least.
        """
        hidden = self.model.get_decoder()(
            input_ids=input_ids, position_ids=position_ids, use_cache=False
        ).last_hidden_state[:, :-1]
        head = self.model.get_output_embeddings()
        parts = zip(hidden.split(list(groups)), targets.split(list(groups)), strict=True)
        losses = [
            summed_cross_entropy(part.flatten(0, 1), head, target.flatten(), chunked=hidden.is_cuda)
            for part, target in parts
        ]
        return torch.stack(losses)


def summed_cross_entropy(
    hidden: torch.Tensor, head: nn.Linear, targets: torch.Tensor, *, chunked: bool
) -> torch.Tensor:
    """Sum of the cross entropies of the tokens that follow.

    Args:
        hidden: [tokens, width], the last hidden states.
        head: maps them to logits.
        targets: [tokens] int64; `IGNORED` counts nothing.
        chunked: compute the logits of a part of the tokens at a time, and again in the backward pass, so that those of
            all tokens are never in memory at once.

    Returns:
        A scalar, in float32 at least.
    """
    if chunked:
        losses = F.linear_cross_entropy(
            hidden, head.weight, targets, linear_bias=head.bias, reduction="none", options=CHUNKS
        )
        # Each is rounded to the model's precision, their sum would be too.
        return losses.to(_summing_dtype(losses)).sum()
    logits = head(hidden)
    return F.cross_entropy(logits.to(_summing_dtype(logits)), targets, ignore_index=IGNORED, reduction="sum")


def _summing_dtype(tensor: torch.Tensor) -> torch.dtype:
    return torch.promote_types(tensor.dtype, torch.float32)


def check_linear_head(model: Any) -> None:
    """Make sure that the logits of `model` can be made from its last hidden state.

    Raises:
        UserError: they are more than a linear map of it.
    """
    if not _has_linear_head(model):
        raise UserError(
            f"the logits of {type(model).__name__} are no linear map of its last hidden state: choose a model of"
            " the LLaMA family"
        )


@torch.no_grad()
def _has_linear_head(model: Any) -> bool:
    head = model.get_output_embeddings()
    if not isinstance(head, nn.Linear):
        return False
    ids = torch.arange(SAMPLE_TOKENS, device=model.device)[None] % head.out_features
    hidden = model.get_decoder()(input_ids=ids, use_cache=False).last_hidden_state
    return torch.allclose(head(hidden), model(input_ids=ids, use_cache=False).logits, rtol=1e-3, atol=1e-3)
