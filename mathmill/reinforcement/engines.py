"""The engine that draws from the policy while it learns."""

from collections.abc import Sequence
from typing import Any

import torch

from mathmill.recipe_sampling import SamplingRecipe
from mathmill.rollout.engine import Completion, Engine, Weights
from mathmill.rollout.transformers_engine import TransformersEngine

ROLLOUT_ROWS = 256
"""Completions that a rank draws at a time, at most."""


def live_engine(model: Any, tokenizer: Any) -> Engine:
    """An engine over the weights that learn."""
    return TransformersEngine(model, tokenizer, batch=ROLLOUT_ROWS)


class CopyEngine:
    """An engine with weights of its own, which may be older than those that learn."""

    def __init__(self, model: torch.nn.Module, tokenizer: Any) -> None:
        """Draw from `model`, which no one else uses."""
        self._model = model
        self._engine = live_engine(model, tokenizer)

    def adopt(self, version: int, weights: Weights) -> None:
        """Take the weights."""
        self._model.load_state_dict(dict(weights()))
        self._engine.adopt(version, weights)

    def generate(
        self,
        prompts: Sequence[list[int]],
        sampling: SamplingRecipe,
        *,
        samples: int,
        seed: int | Sequence[int],
        stop: Sequence[str] = (),
    ) -> list[list[Completion]]:
        """See `Engine.generate`."""
        return self._engine.generate(prompts, sampling, samples=samples, seed=seed, stop=stop)
