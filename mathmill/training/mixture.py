"""Which source each pretraining sequence comes from."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mathmill.recipe_training import MixtureSource

Indices = npt.NDArray[np.int64]


class Mixture:
    """Deals sequences to sources so that the share of each is exact to one sequence at every moment.

    A sequence goes to the source that is furthest behind what its weight owes it.
    """

    def __init__(self, sources: Sequence[MixtureSource], state: Mapping[str, Any] | None = None) -> None:
        """Begin with nothing dealt, or go on from an earlier `state()`."""
        self._sources = sources
        self._owed = np.array(state["owed"]) if state else np.zeros(len(sources))
        self._dealt = np.array(state["dealt"]) if state else np.zeros(len(sources), dtype=np.int64)

    @property
    def dealt(self) -> Indices:
        """Sequences that each source has given so far, [sources]."""
        return self._dealt.copy()

    def deal(self, sequences: int, progress: float) -> tuple[Indices, Indices]:
        """Deal the next sequences.

        Args:
            sequences: how many.
            progress: the share of the training's steps that is done, by which sources begin and end.

        Returns:
            Index of the source of each sequence, and the sequence's number within its source, both [sequences].
        """
        weights = np.array([one.weight * (one.span[0] <= progress < one.span[1]) for one in self._sources])
        chosen = np.empty(sequences, dtype=np.int64)
        numbers = np.empty(sequences, dtype=np.int64)
        for index in range(sequences):
            self._owed += weights
            # What was owed in an earlier span and never given is forgone.
            source = int(np.argmax(np.where(weights > 0, self._owed - self._dealt, -np.inf)))
            chosen[index], numbers[index] = source, self._dealt[source]
            self._dealt[source] += 1
        return chosen, numbers

    def state(self) -> dict[str, list[float]]:
        """What a checkpoint keeps."""
        return {"owed": self._owed.tolist(), "dealt": self._dealt.tolist()}
