"""Prompts and completions as tensors, and what a policy says of each drawn token."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch


@dataclass(frozen=True, slots=True)
class Batch:
    """Completions after their prompts: prompts padded on the left, completions on the right.

    So every completion begins in one column, and logits are needed from there on only.
    """

    input_ids: torch.Tensor
    """[completions, prompt width + completion width] int64."""
    attention_mask: torch.Tensor
    """Of the same shape, 1 on tokens that are no padding."""
    mask: torch.Tensor
    """[completions, completion width] float32, 1 on drawn tokens."""

    @property
    def position_ids(self) -> torch.Tensor:
        """Positions as if there were no padding, of the shape of `input_ids`."""
        return (self.attention_mask.cumsum(dim=1) - 1).clamp(min=0)

    @classmethod
    def of(cls, prompts: Sequence[list[int]], completions: Sequence[list[int]], pad: int, device: torch.device) -> Self:
        """Lay out `completions`, none empty, after their `prompts`; `pad` is any token id."""
        left = max(map(len, prompts))
        right = max(map(len, completions))
        input_ids = torch.full((len(prompts), left + right), pad)
        attention_mask = torch.zeros(len(prompts), left + right, dtype=torch.int64)
        for row, (prompt, completion) in enumerate(zip(prompts, completions, strict=True)):
            begin, end = left - len(prompt), left + len(completion)
            input_ids[row, begin:end] = torch.tensor(prompt + completion)
            attention_mask[row, begin:end] = 1
        mask = attention_mask[:, left:].float()
        return cls(input_ids.to(device), attention_mask.to(device), mask.to(device))


def token_log_probs(model: Any, batch: Batch, temperature: float) -> tuple[torch.Tensor, torch.Tensor]:
    """What `model` says of the drawn tokens, at the temperature they were drawn with.

    Args:
        model: a causal language model, or a DeepSpeed engine around one.
        batch: prompts and completions.
        temperature: divides the logits.

    Returns:
        Log-probabilities of the drawn tokens and, without gradient, the entropy in nats of the distributions they were
        drawn from: both [completions, completion width] float32, 0 on padding.
    """
    width = batch.mask.shape[1]
    logits = model(
        input_ids=batch.input_ids,
        attention_mask=batch.attention_mask,
        position_ids=batch.position_ids,
        use_cache=False,
        logits_to_keep=width + 1,
    ).logits[:, :-1]
    distribution = torch.log_softmax(logits.float() / temperature, dim=-1)
    drawn = distribution.gather(-1, batch.input_ids[:, -width:, None])[..., 0]
    with torch.no_grad():
        entropy = -(distribution.exp() * distribution).sum(dim=-1)
    real = batch.mask.bool()
    return torch.where(real, drawn, 0.0), torch.where(real, entropy, 0.0)
