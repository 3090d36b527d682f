"""Keys and values of rows many of which go on from one prompt, whose own are held and read once for all of them."""

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import functional

ROOM = 64
"""Positions allocated ahead."""
COMPACT_SHARE = 8
"""Prompts without rows are dropped when they are one in so many: dropping copies the others."""


class SharedPrefixCache:
    """Keys and values of prompts, and of what rows wrote after them.

    For each layer they are [prompts, heads, longest prompt, head size], and [most written + room, rows, heads,
    head size]: in this order what a step reads lies together, and is read two to three times as fast. Both stand at the
    start of their slots, so rows of any length stand beside one another.
    """

    def __init__(self, device: torch.device) -> None:
        """Hold no rows."""
        # For each layer, keys and values.
        self._prompts: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._written: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._prompt_lengths = torch.zeros(0, dtype=torch.int64, device=device)
        self._counts = torch.zeros(0, dtype=torch.int64, device=device)
        self._groups = torch.zeros(0, dtype=torch.int64, device=device)
        self._seats = torch.zeros(0, dtype=torch.int64, device=device)
        self._most_seats = 0
        self._padding = torch.zeros(0, 0, dtype=torch.bool, device=device)
        self._hidden = self._padding
        self._slots = (self._groups, self._counts)
        self._most = 0

    @property
    def positions(self) -> torch.Tensor:
        """Of the next token of each row: [rows] int64."""
        return self._prompt_lengths[self._groups] + self._counts

    def admit(self, cache: Any, mask: torch.Tensor, copies: Sequence[int]) -> None:
        """Add rows that go on from prompts.

        Args:
            cache: the library's, of a forward pass over the prompts, padded on the left.
            mask: [prompts, longest] zeros on the padding.
            copies: for each new row the index of its prompt.
        """
        width, lengths = mask.shape[1], mask.sum(dim=1)
        # Each prompt's columns, the padding moved from their left to their right.
        columns = (torch.arange(width, device=mask.device) - lengths[:, None]) % width
        for number, layer in enumerate(cache.layers):
            keys, values = (
                one.gather(2, columns[:, None, :, None].expand_as(one)) for one in (layer.keys, layer.values)
            )
            if self._prompts[number:]:
                old_keys, old_values = self._prompts[number]
                keys, values = _joined(old_keys, keys), _joined(old_values, values)
            self._prompts[number : number + 1] = [(keys, values)]
        groups = torch.tensor(copies, device=mask.device) + len(self._prompt_lengths)
        self._prompt_lengths = torch.cat([self._prompt_lengths, lengths])
        self._groups = torch.cat([self._groups, groups])
        self._counts = torch.cat([self._counts, torch.zeros_like(groups)])
        self._make_room()
        self._seat()

    def keep(self, kept: torch.Tensor) -> None:
        """Move the last rows into the slots of those that ended, and forget prompts without rows; `Decoder.keep`."""
        targets = (kept != torch.arange(len(kept), device=kept.device)).nonzero()[:, 0]
        sources = kept[targets]
        self._counts, self._groups = self._counts[kept], self._groups[kept]
        self._most = int(self._counts.max()) if len(kept) else 0
        if len(targets):
            for pair in self._written:
                for buffer in pair:
                    buffer[: self._most, targets] = buffer[: self._most, sources]
        self._forget()
        self._seat()

    def begin_step(self) -> None:
        """Let each row write one more token: `attend` does so in every layer."""
        self._most += 1
        self._make_room()
        columns = torch.arange(self._most, device=self._counts.device)
        self._hidden = torch.cat([self._padding, columns > self._counts[:, None]], dim=1)[:, None, None]
        self._slots = (self._counts, torch.arange(len(self._counts), device=self._counts.device))

    def end_step(self) -> None:
        """Count the token that each row wrote."""
        self._counts = self._counts + 1

    def attend(
        self, layer: int, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, scaling: float
    ) -> torch.Tensor:
        """Write `keys` and `values` [rows, heads, head size] of the rows' new tokens, and attend to all up to them.

        Args:
            layer: its number.
            queries: [rows, heads, group, head size]; all of a group read the same head of keys.
            keys: rotated.
            values: as they are.
            scaling: of the products of queries and keys.

        Returns:
            [rows, heads, group, head size].
        """
        old_keys, old_values = self._prompts[layer]
        all_keys, all_values = self._written[layer]
        all_keys[self._slots] = keys
        all_values[self._slots] = values
        own_keys = all_keys[: self._most, : len(queries)].permute(1, 2, 3, 0)
        own_values = all_values[: self._most, : len(queries)].permute(1, 2, 0, 3)
        written = torch.matmul(queries, own_keys)
        scores = torch.cat([self._times_prompts(queries, old_keys.transpose(-1, -2)), written], dim=-1)
        scores = scores.float().mul_(scaling).masked_fill_(self._hidden, -torch.inf)
        weights = torch.softmax(scores, dim=-1).to(queries.dtype)
        width = old_keys.shape[2]
        mixed = self._times_prompts(weights[..., :width], old_values)
        return mixed.add_(torch.matmul(weights[..., width:], own_values))

    def _times_prompts(self, rows: torch.Tensor, matrices: torch.Tensor) -> torch.Tensor:
        """Products of `rows` [rows, heads, group, n] with their prompts' `matrices` [prompts, heads, n, m].

        All rows of a prompt make one product: each has a seat in a grid [prompts, most rows of a prompt].
        """
        _, heads, group, size = rows.shape
        prompts = len(matrices)
        grid = rows.new_zeros(prompts * self._most_seats, heads, group, size).index_copy_(0, self._seats, rows)
        grid = grid.view(prompts, self._most_seats, heads, group, size).transpose(1, 2)
        products = torch.matmul(grid.reshape(prompts, heads, -1, size), matrices)
        products = products.view(prompts, heads, self._most_seats, group, -1).transpose(1, 2)
        return products.reshape(prompts * self._most_seats, heads, group, -1).index_select(0, self._seats)

    def _seat(self) -> None:
        """Give each row its seat in the grid, and note which of its prompt's columns are padding."""
        groups, device = self._groups, self._groups.device
        sizes = torch.bincount(groups, minlength=len(self._prompt_lengths))
        self._most_seats = int(sizes.max()) if len(groups) else 0
        order = groups.argsort(stable=True)
        seats = torch.empty_like(groups)
        seats[order] = torch.arange(len(groups), device=device) - (sizes.cumsum(0) - sizes)[groups[order]]
        self._seats = groups * self._most_seats + seats
        columns = torch.arange(self._prompts[0][0].shape[2], device=device)
        self._padding = columns >= self._prompt_lengths[groups][:, None]

    def _forget(self) -> None:
        """Drop prompts without rows once they are many."""
        held = self._groups.unique()
        if (len(self._prompt_lengths) - len(held)) * COMPACT_SHARE < len(self._prompt_lengths):
            return
        renumbered = torch.zeros_like(self._prompt_lengths)
        renumbered[held] = torch.arange(len(held), device=held.device)
        self._groups = renumbered[self._groups]
        self._prompt_lengths = self._prompt_lengths[held]
        width = int(self._prompt_lengths.max()) if len(held) else 0
        self._prompts = [(keys[held, :, :width], values[held, :, :width]) for keys, values in self._prompts]

    def _make_room(self) -> None:
        """Let the rows' buffers hold all rows and positions; what is held of these stays."""
        rows = len(self._counts)
        room, held_rows = self._written[0][0].shape[:2] if self._written else (0, 0)
        if rows <= held_rows and self._most <= room:
            return
        room = room if self._most <= room else self._most + ROOM
        for number, (like, _) in enumerate(self._prompts):
            shape = (room, rows, like.shape[1], like.shape[3])
            # Zeros, since a hidden value has weight zero, and zero times what memory happens to hold may be NaN.
            made = (like.new_empty(shape), like.new_zeros(shape))
            for old, new in zip(self._written[number] if self._written[number:] else (), made, strict=False):
                kept = min(rows, held_rows)
                new[: len(old), :kept] = old[:, :kept]
            self._written[number : number + 1] = [made]


def _joined(before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
    """Prompts after others, the shorter ones of both padded on the right."""
    lacking = after.shape[2] - before.shape[2]
    return torch.cat(
        [
            functional.pad(before, (0, 0, 0, max(0, lacking))),
            functional.pad(after, (0, 0, 0, max(0, -lacking))),
        ]
    )
