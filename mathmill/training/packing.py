"""Instruction examples packed into sequences of the context length."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch


@dataclass(frozen=True, slots=True)
class Example:
    """A solved question as token ids."""

    ids: npt.NDArray[np.int32]
    """Shape (tokens,)."""
    target: npt.NDArray[np.bool_]
    """Shape (tokens,): the tokens that are learned."""

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Packed:
    """Examples end to end in one row, without padding."""

    input_ids: torch.Tensor
    """int64, shape (1, tokens)."""
    position_ids: torch.Tensor
    """int64, shape (1, tokens): restart with each segment."""
    segment_lengths: tuple[int, ...]
    """Tokens of each segment; attention is causal within it and never leaves it."""
    predicting: torch.Tensor
    """int64, shape (targets,): places in the row after which a target stands."""
    targets: torch.Tensor
    """int64, shape (targets,): the targets' ids."""

    def to(self, device: torch.device) -> "Packed":
        """The same on `device`."""
        return Packed(
            self.input_ids.to(device),
            self.position_ids.to(device),
            self.segment_lengths,
            self.predicting.to(device),
            self.targets.to(device),
        )


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


def lay_out(sequences: Sequence[Sequence[Example]], *, across_examples: bool) -> Packed:
    """Packed sequences as one row.

    Args:
        sequences: the examples of each, none empty.
        across_examples: a segment is a sequence, in which an example sees those before it; otherwise it is an example.
            Nothing before a segment's first token tells of it, so it is never a target.
    """
    examples = [example for sequence in sequences for example in sequence]
    lengths = [sum(map(len, sequence)) for sequence in sequences] if across_examples else list(map(len, examples))
    ids = np.concatenate([example.ids for example in examples]).astype(np.int64)
    target = np.concatenate([example.target for example in examples])
    target[np.cumsum([0, *lengths[:-1]])] = False
    places = np.flatnonzero(target)
    return Packed(
        input_ids=torch.from_numpy(ids)[None],
        position_ids=torch.from_numpy(np.concatenate([np.arange(length) for length in lengths]))[None],
        segment_lengths=tuple(lengths),
        predicting=torch.from_numpy(places - 1),
        targets=torch.from_numpy(ids[places]),
    )
