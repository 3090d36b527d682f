"""A key-value cache that grows by writing, not by copying all it holds for each new token."""

from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer
from typing_extensions import override

ROOM = 64
"""Positions allocated ahead."""


class RoomyLayer(DynamicLayer):
    """Keys and values [rows, heads, positions, head size] as views into buffers with room for more positions."""

    keys: torch.Tensor | None
    values: torch.Tensor | None

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._buffers: tuple[torch.Tensor, torch.Tensor] | None = None

    @override
    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        old = self.get_seq_length()
        new = old + key_states.shape[-2]
        if self._buffers is None or new > self._buffers[0].shape[-2]:
            self._buffers = (self._enlarged(self.keys, key_states, old), self._enlarged(self.values, value_states, old))
            self.is_initialized = True
        keys, values = self._buffers
        keys[:, :, old:new] = key_states
        values[:, :, old:new] = value_states
        self.keys, self.values = keys[:, :, :new], values[:, :, :new]
        return self.keys, self.values

    @override
    def batch_select_indices(self, indices: torch.Tensor) -> None:
        super().batch_select_indices(indices)
        self._buffers = None

    def _enlarged(self, held: torch.Tensor | None, states: torch.Tensor, old: int) -> torch.Tensor:
        rows, heads, added, size = states.shape
        buffer = states.new_empty(rows, heads, old + added + ROOM, size)
        if held is not None and old:
            buffer[:, :, :old] = held
        return buffer


def roomy_cache(config: Any) -> DynamicCache:
    """An empty cache for a model of this configuration; sliding-window layers keep the library's own kind."""
    cache = DynamicCache(config=config)
    cache.layers = [RoomyLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache
