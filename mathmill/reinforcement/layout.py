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
        ids: list[int] = []
        positions: list[int] = []
        lengths: list[int] = []
        prefixes: list[Prefix | None] = []
        predicting: list[int] = []
        for prompt, group in groupby(samples, key=lambda sample: sample.prompt):
            members = [sample.completion.token_ids for sample in group]
            shared = len(members) > 1
            if shared:
                last = len(ids) + len(prompt) - 1
                begin = len(lengths)
                ids += prompt
                positions += range(len(prompt))
                lengths.append(len(prompt))
                prefixes.append(None)
            for tokens in members:
                if shared:
                    prefixes.append(Prefix.of(begin, len(prompt), len(tokens), device))
                    predicting += [last, *range(len(ids), len(ids) + len(tokens) - 1)]
                    ids += tokens
                    positions += range(len(prompt), len(prompt) + len(tokens))
                    lengths.append(len(tokens))
                else:
                    prefixes.append(None)
                    predicting += range(len(ids) + len(prompt) - 1, len(ids) + len(prompt) + len(tokens) - 1)
                    ids += prompt + tokens
                    positions += range(len(prompt) + len(tokens))
                    lengths.append(len(prompt) + len(tokens))
        written = [sample.completion.written or [True] * len(sample.completion.token_ids) for sample in samples]
        return cls(
            input_ids=torch.tensor([ids], device=device),
            position_ids=torch.tensor([positions], device=device),
            segment_lengths=tuple(lengths),
            prefixes=tuple(prefixes),
            predicting=torch.tensor(predicting, device=device),
            targets=torch.tensor([token for one in samples for token in one.completion.token_ids], device=device),
            lengths=tuple(len(sample.completion.token_ids) for sample in samples),
            mask=padded([torch.tensor(one, dtype=torch.float64) for one in written]).to(device),
        )

    def by_completion(self, values: torch.Tensor) -> torch.Tensor:
        """Values of the drawn tokens, [drawn tokens], as [completions, longest] with 0 on padding."""
        return padded(values.split(list(self.lengths)))


def padded(rows: Sequence[torch.Tensor]) -> torch.Tensor:
    """Vectors of unequal lengths as the rows of one tensor, with 0 at their ends."""
    return pad_sequence(list(rows), batch_first=True)
