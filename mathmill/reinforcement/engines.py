"""The engine that draws from the policy while it learns."""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch

from mathmill.recipe import Recipe
from mathmill.recipe_sampling import SamplingRecipe
from mathmill.rollout.engine import Completion, Engine, Weights
from mathmill.rollout.transformers_engine import TransformersEngine

ROLLOUT_ROWS = 256
"""Completions that a rank draws at a time, at most."""


def sampling_engine(live: Engine, folder: Path, tokenizer: Any, recipe: Recipe, stack: ExitStack) -> Engine:
    """The engine that draws what is learned: `live` itself, or the recipe's vLLM.

    Args:
        live: draws from the weights that learn.
        folder: of the model that they began as.
        tokenizer: the model's.
        recipe: names the engine.
        stack: ends vLLM's process.
    """
    if recipe.rollout.engine == "transformers":
        return live
    from mathmill.rollout.vllm_engine import VllmEngine

    local_rank = int(os.environ["LOCAL_RANK"])
    context = recipe.model.context
    return stack.enter_context(
        VllmEngine(folder, tokenizer, recipe.rollout.vllm, context=context, local_rank=local_rank)
    )


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
