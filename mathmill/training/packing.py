"""Instruction examples packed into sequences of the context length."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

IGNORED = -100
"""Label of a token that is no target."""


@dataclass(frozen=True, slots=True)
class Example:
    """A solved question as token ids."""

    prompt: list[int]
    answer: list[int]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.answer)


def pack(lengths: Sequence[int], context: int, seed: int) -> list[list[int]]:
    """Group examples, in an order drawn by `seed`, into sequences of at most `context` tokens.

    Args:
        lengths: tokens of each example, none above `context`.
        context: tokens in a sequence.
        seed: decides the order.

    Returns:
        Indices of the examples of each sequence; every example is in exactly one.
    """
    sequences: list[list[int]] = []
    room = 0
    for index in np.random.default_rng(seed).permutation(len(lengths)).tolist():
        if not sequences or lengths[index] > room:
            sequences.append([])
            room = context
        sequences[-1].append(index)
        room -= lengths[index]
    return sequences


def collate(examples: Sequence[Example], width: int, pad: int) -> dict[str, torch.Tensor]:
    """One packed sequence as model inputs, each int64 of shape (1, width).

    Position ids restart with every example, by which the model keeps attention inside each; only the answers are
    targets. Padding is an example of its own without targets.
    """
    ids: list[int] = []
    positions: list[int] = []
    labels: list[int] = []
    for example in examples:
        ids += [*example.prompt, *example.answer]
        positions += range(len(example))
        labels += [IGNORED] * len(example.prompt) + example.answer
    room = width - len(ids)
    columns = {
        "input_ids": ids + [pad] * room,
        "position_ids": positions + list(range(room)),
        "labels": labels + [IGNORED] * room,
    }
    return {name: torch.tensor([column]) for name, column in columns.items()}
