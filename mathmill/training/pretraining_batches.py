"""The sequences of each pretraining step, read while the step before is computed."""

import time
from collections.abc import Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mathmill.training.data import PackedSource, Tokens
from mathmill.training.mixture import Mixture


@dataclass(frozen=True, slots=True)
class StepBatch:
    """What one rank learns from in one optimiser step, rows of a source side by side."""

    input_ids: Tokens
    """[rows, context]."""
    position_ids: Tokens
    """[rows, context]; restart with every document."""
    source: npt.NDArray[np.int64]
    """Index of the source of each row, ascending."""
    mixture: dict[str, Any]
    """The mixture's state after this step, for a checkpoint."""


class Batches:
    """Deals and reads batches one step ahead, in a thread of its own."""

    def __init__(
        self, sources: Mapping[int, PackedSource], mixture: Mixture, *, batch: int, steps: int, rank: int, ranks: int
    ) -> None:
        """Read from `sources`.

        Args:
            sources: by their index in the mixture, all that have a weight.
            mixture: deals sequences to them; what it has dealt before is not dealt again.
            batch: sequences of an optimiser step on all ranks, a multiple of `ranks`.
            steps: of the whole training.
            rank: this process's number; it takes every `ranks`-th sequence.
            ranks: processes of the job.
        """
        self._sources = sources
        self._mixture = mixture
        self._batch = batch
        self._steps = steps
        self._share = slice(rank, None, ranks)

    def since(self, first: int) -> Generator[tuple[StepBatch, float]]:
        """The batches of step `first`, counted from 0, and of all after it, each with the seconds it was waited for."""
        with ThreadPoolExecutor(1) as ahead:
            coming: Future[StepBatch] | None = None
            for step in range(first, self._steps):
                asked = time.monotonic()
                batch = (coming or ahead.submit(self._read, step)).result()
                waited = time.monotonic() - asked
                coming = ahead.submit(self._read, step + 1) if step + 1 < self._steps else None
                yield batch, waited

    def _read(self, step: int) -> StepBatch:
        chosen, numbers = self._mixture.deal(self._batch, step / self._steps)
        mine, which = chosen[self._share], numbers[self._share]
        order = np.argsort(mine, kind="stable")
        rows = [self._sources[int(mine[i])][int(which[i])] for i in order]
        return StepBatch(
            input_ids=np.stack([ids for ids, _ in rows]),
            position_ids=np.stack([positions for _, positions in rows]),
            source=mine[order],
            mixture=self._mixture.state(),
        )
