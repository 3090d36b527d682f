"""Completions laid out for one forward pass: end to end, each group's prompt once."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Self

import torch
from torch.nn.utils.rnn import pad_sequence

from mathmill.reinforcement.sample import Sample
from mathmill.training.segment_attention import Prefix


@dataclass(frozen=True, slots=True)
class Row:
    """Completions after their prompts, without padding. Those of one prompt that stand together share it."""

    input_ids: torch.Tensor
    """[1, tokens] int64."""
    position_ids: torch.Tensor
    """[1, tokens] int64: run on from the prompt in each completion."""
    segment_lengths: tuple[int, ...]
    prefixes: tuple[Prefix | None, ...]
    """What each segment continues (`mathmill.training.segment_attention`)."""
    predicting: torch.Tensor
    """[drawn tokens] int64: the place in the row before each of them, as its completion has it."""
    targets: torch.Tensor
    """[drawn tokens] int64."""
    lengths: tuple[int, ...]
    """Tokens of each completion."""
    mask: torch.Tensor
    """[completions, longest] float64: 1 on tokens that the policy drew, 0 on a tool's and on padding."""

    @classmethod
    def of(cls, samples: Sequence[Sample], device: torch.device) -> Self:
        """Lay out `samples`, none of which has an empty prompt or completion."""
        builder = _Builder(device)
        for prompt, group in groupby(samples, key=lambda sample: sample.prompt):
            builder.add(prompt, [sample.completion.token_ids for sample in group])
        return cls(
            input_ids=torch.tensor([builder.ids], device=device),
            position_ids=torch.tensor([builder.positions], device=device),
            segment_lengths=tuple(builder.lengths),
            prefixes=tuple(builder.prefixes),
            predicting=torch.tensor(builder.predicting, device=device),
            targets=torch.tensor([token for one in samples for token in one.completion.token_ids], device=device),
            lengths=tuple(len(sample.completion.token_ids) for sample in samples),
            mask=padded([torch.tensor(sample.written, dtype=torch.float64) for sample in samples]).to(device),
        )

    def by_completion(self, values: torch.Tensor) -> torch.Tensor:
        """Values of the drawn tokens, [drawn tokens], as [completions, longest] with 0 on padding."""
        return padded(values.split(list(self.lengths)))


class _Builder:
    """The segments of a row, one after another."""

    def __init__(self, device: torch.device) -> None:
        self.ids: list[int] = []
        self.positions: list[int] = []
        self.lengths: list[int] = []
        self.prefixes: list[Prefix | None] = []
        self.predicting: list[int] = []
        self._device = device

    def add(self, prompt: list[int], completions: Sequence[list[int]]) -> None:
        """A prompt with its completions; a single one is of the prompt's own segment."""
        if len(completions) == 1:
            self._segment(prompt + completions[0], 0, None)
            self._predict(len(completions[0]), len(self.ids) - len(completions[0]) - 1)
            return
        shared = len(self.lengths)
        self._segment(prompt, 0, None)
        last = len(self.ids) - 1
        for tokens in completions:
            self._segment(tokens, len(prompt), Prefix.of(shared, len(prompt), len(tokens), self._device))
            self._predict(len(tokens), last)

    def _segment(self, ids: list[int], position: int, prefix: Prefix | None) -> None:
        self.ids += ids
        self.positions += range(position, position + len(ids))
        self.lengths.append(len(ids))
        self.prefixes.append(prefix)

    def _predict(self, tokens: int, before: int) -> None:
        """The last `tokens` of the row are drawn ones; `before` is the place that predicts the first of them."""
        self.predicting += [before, *range(len(self.ids) - tokens, len(self.ids) - 1)]


def padded(rows: Sequence[torch.Tensor]) -> torch.Tensor:
    """Vectors of unequal lengths as the rows of one tensor, with 0 at their ends."""
    return pad_sequence(list(rows), batch_first=True)
