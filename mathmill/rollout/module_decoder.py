"""Decoding by a model's own forward method: the way that suits every architecture."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from transformers import DynamicCache

from mathmill.rollout.roomy_cache import roomy_cache

COMPACT_SHARE = 8
"""Ended rows are dropped when they are one in so many of the batch: dropping copies the whole cache."""


class ModuleDecoder:
    """A `Decoder` by the model's forward method and the library's cache.

    Where DeepSpeed's ZeRO-3 has dealt out the weights, a forward pass gathers them from all ranks. All must then make
    equally many: a rank that is done makes passes over one token until the others are done too.
    """

    joins = False

    def __init__(self, model: Any) -> None:
        """Decode with `model`, in evaluation mode."""
        self._model = model
        self._partitioned = any(hasattr(parameter, "ds_id") for parameter in model.parameters())
        self._cache = DynamicCache()
        self._mask = torch.empty(0, 0)
        self._places = torch.empty(0)

    def admit(self, prompts: Sequence[Sequence[int]], copies: Sequence[int]) -> torch.Tensor:
        """Evaluate the prompts, and give every row its copy; see `Decoder.admit`."""
        self._agree(going=True)
        logits, self._cache, mask = evaluate(self._model, prompts)
        chosen = torch.tensor(copies, device=mask.device)
        self._cache.batch_select_indices(chosen)
        self._mask = mask[chosen]
        self._places = torch.arange(len(copies), device=mask.device)
        return logits[chosen]

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        """Evaluate one token a row, and nothing of use in the places of ended ones; see `Decoder.step`."""
        self._agree(going=True)
        column = tokens.new_zeros(len(self._mask), 1)
        column[self._places, 0] = tokens
        positions = self._mask.sum(dim=1, keepdim=True)
        self._mask = torch.cat([self._mask, torch.ones_like(column)], dim=1)
        return _forward(self._model, column, self._cache, self._mask, positions)[self._places]

    def keep(self, kept: torch.Tensor) -> None:
        """Note which places still matter, and drop the others when they are many; see `Decoder.keep`."""
        self._places = self._places[kept]
        if len(kept) and (len(self._mask) - len(kept)) * COMPACT_SHARE >= len(self._mask):
            self._cache.batch_select_indices(self._places)
            self._mask = self._mask[self._places]
            self._places = torch.arange(len(kept), device=kept.device)

    def finish(self) -> None:
        """Make passes for the sake of other ranks until all are done; see `Decoder.finish`."""
        token = torch.zeros(1, 1, dtype=torch.int64, device=self._model.device)
        while self._agree(going=False):
            self._model(input_ids=token, use_cache=False)

    def _agree(self, *, going: bool) -> bool:
        """Whether any rank makes a forward pass now; asked by all of them before each one."""
        if not self._partitioned:
            return going
        asked = torch.tensor(int(going), device=self._model.device)
        dist.all_reduce(asked, op=dist.ReduceOp.MAX)
        return bool(asked)


def evaluate(model: Any, prompts: Sequence[Sequence[int]]) -> tuple[torch.Tensor, DynamicCache, torch.Tensor]:
    """One forward pass over prompts, padded on the left.

    Returns:
        The next token's logits [prompts, vocabulary], the cache, and the mask [prompts, longest] int64 with zeros on
        the padding.
    """
    width = max(map(len, prompts))
    input_ids = torch.zeros(len(prompts), width, dtype=torch.int64)
    mask = torch.zeros(len(prompts), width, dtype=torch.int64)
    for row, prompt in enumerate(prompts):
        input_ids[row, width - len(prompt) :] = torch.tensor(prompt)
        mask[row, width - len(prompt) :] = 1
    input_ids, mask = input_ids.to(model.device), mask.to(model.device)
    cache = roomy_cache(model.config)
    positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
    return _forward(model, input_ids, cache, mask, positions), cache, mask


def _forward(
    model: Any, input_ids: torch.Tensor, cache: DynamicCache, mask: torch.Tensor, positions: torch.Tensor
) -> torch.Tensor:
    """Logits [rows, vocabulary] after the last of `input_ids` [rows, new tokens]; the cache grows by these."""
    output = model(
        input_ids=input_ids,
        attention_mask=mask,
        position_ids=positions,
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    )
    return output.logits[:, -1]
