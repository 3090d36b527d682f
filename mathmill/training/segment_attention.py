"""Causal attention inside the segments of a packed row.

A mask over the row would cost the square of its length; segment by segment it is the sum of the squares of theirs, and
each has the kernel that plain causal attention has. A segment may continue another, as completions continue the prompt
that they share: it then sees all of that one as well.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from mathmill.errors import UserError

SEGMENTS = "segments"
"""The name by which transformers knows it."""


@dataclass(frozen=True, slots=True)
class Prefix:
    """What a segment continues."""

    segment: int
    """Number of a segment before it."""
    mask: torch.Tensor
    """bool, shape (tokens of the segment, tokens of both): what each token sees."""

    @classmethod
    def of(cls, segment: int, length: int, own: int, device: torch.device) -> "Prefix":
        """The prefix `segment` of `length` tokens, before a segment of `own` tokens."""
        return cls(segment, torch.ones(own, length + own, dtype=torch.bool, device=device).tril(length))


def enable_segment_attention() -> str:
    """Make it known to transformers; the name to load a model with, whose calls then need `segment_lengths`."""
    from transformers import AttentionInterface

    AttentionInterface.register(SEGMENTS, attend)
    return SEGMENTS


@contextmanager
def segment_attention(model: Any) -> Iterator[None]:
    """Within it the calls of `model` need `segment_lengths`; outside it has the attention that it had."""
    before = model.config._attn_implementation  # noqa: SLF001 - there is no public way to read it
    model.set_attn_implementation(enable_segment_attention())
    try:
        yield
    finally:
        model.set_attn_implementation(before)


def attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    segment_lengths: Sequence[int],
    prefixes: Sequence[Prefix | None] | None = None,
    sliding_window: int | None = None,
    **settings: Any,
) -> tuple[torch.Tensor, None]:
    """Attend in each segment by itself, and in what it continues.

    Args:
        module: the attention layer.
        query: shape (1, heads, tokens, width).
        key: shape (1, key and value heads, tokens, width).
        value: as `key`.
        attention_mask: none, since a row has no padding.
        segment_lengths: tokens of each segment; their sum is `tokens`.
        prefixes: what each segment continues; None where it continues nothing, or where no segment does.
        sliding_window: tokens that the model's own attention reaches back, None for all.
        settings: of the attention by PyTorch.

    Returns:
        Float of shape (1, tokens, heads, width), and no weights.

    Raises:
        UserError: a segment, with what it continues, is longer than the window.
    """
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    prefixes = prefixes or [None] * len(segment_lengths)
    reaches = [
        length if prefix is None else prefix.mask.shape[1]
        for length, prefix in zip(segment_lengths, prefixes, strict=True)
    ]
    if sliding_window is not None and max(reaches) > sliding_window:
        raise UserError(
            f"this model attends to {sliding_window} tokens back and an example has {max(reaches)}:"
            f" set model.context to {sliding_window}"
        )
    queries, keys, values = (tensor.split(list(segment_lengths), dim=2) for tensor in (query, key, value))
    outputs = []
    for own, keyed, valued, prefix in zip(queries, keys, values, prefixes, strict=True):
        mask = attention_mask
        if prefix is not None:
            mask = prefix.mask[None, None]
            keyed = torch.cat([keys[prefix.segment], keyed], dim=2)  # noqa: PLW2901
            valued = torch.cat([values[prefix.segment], valued], dim=2)  # noqa: PLW2901
        outputs.append(sdpa_attention_forward(module, own, keyed, valued, mask, **settings)[0])
    return torch.cat(outputs, dim=1), None
