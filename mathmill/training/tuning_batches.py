"""Which examples each optimiser step of instruction tuning learns from."""

from collections.abc import Sequence

from mathmill.recipe import Recipe
from mathmill.training.packing import Example, pack
from mathmill.training.session import rank, world_size


class Batches:
    """Packed sequences by optimiser step; every pass over the examples packs them anew."""

    def __init__(self, examples: Sequence[Example], recipe: Recipe) -> None:
        self._examples = examples
        self._recipe = recipe
        self._passes: list[list[list[int]]] = []

    def __len__(self) -> int:
        return len(self._packed(0))

    def sequences(self, step: int) -> list[list[Example]]:
        """The examples of each sequence of a step, those of this rank."""
        size = self._recipe.instruct.batch
        mine = range(step * size + rank(), (step + 1) * size, world_size())
        return [[self._examples[i] for i in self._sequence(number)] for number in mine]

    def _sequence(self, number: int) -> list[int]:
        done = 0
        for index in range(number + 1):
            packed = self._packed(index)
            if number < done + len(packed):
                return packed[number - done]
            done += len(packed)
        raise AssertionError(number)

    def _packed(self, index: int) -> list[list[int]]:
        while len(self._passes) <= index:
            seed = self._recipe.seed + len(self._passes)
            lengths = [len(example) for example in self._examples]
            self._passes.append(pack(lengths, self._recipe.model.context, seed))
        return self._passes[index]
