"""Causal attention inside the segments of a packed row.

A mask over the row would cost the square of its length; segment by segment it is the sum of the squares of theirs, and
each has the kernel that plain causal attention has.
"""

from collections.abc import Sequence
from typing import Any

import torch

from mathmill.errors import UserError

SEGMENTS = "segments"
"""The name by which transformers knows it."""


def enable_segment_attention() -> str:
    """Make it known to transformers; the name to load a model with, whose calls then need `segment_lengths`."""
    from transformers import AttentionInterface

    AttentionInterface.register(SEGMENTS, attend)
    return SEGMENTS


def attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    segment_lengths: Sequence[int],
    sliding_window: int | None = None,
    **settings: Any,
) -> tuple[torch.Tensor, None]:
    """Attend in each segment by itself.

    Args:
        module: the attention layer.
        query: shape (1, heads, tokens, width).
        key: shape (1, key and value heads, tokens, width).
        value: as `key`.
        attention_mask: none, since a row has no padding.
        segment_lengths: tokens of each segment; their sum is `tokens`.
        sliding_window: tokens that the model's own attention reaches back, None for all.
        settings: of the attention by PyTorch.

    Returns:
        Float of shape (1, tokens, heads, width), and no weights.

    Raises:
        UserError: a segment is longer than the window.
    """
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    if sliding_window is not None and max(segment_lengths) > sliding_window:
        raise UserError(
            f"this model attends to {sliding_window} tokens back and an example has {max(segment_lengths)}:"
            f" set model.context to {sliding_window}"
        )
    parts = zip(*(tensor.split(list(segment_lengths), dim=2) for tensor in (query, key, value)), strict=True)
    outputs = [sdpa_attention_forward(module, *part, attention_mask, **settings)[0] for part in parts]
    return torch.cat(outputs, dim=1), None
