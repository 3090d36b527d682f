"""The engines that draw from the policy while it learns."""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mathmill.recipe import Recipe
from mathmill.recipe_sampling import SamplingRecipe
from mathmill.rollout.engine import Completion, Engine, Weights
from mathmill.rollout.tools import ToolEngine
from mathmill.rollout.transformers_engine import TransformersEngine

ROLLOUT_ROWS = 256
"""Completions that a rank draws at a time, at most."""


@dataclass(frozen=True, slots=True)
class Engines:
    """Makes engines of the recipe's kind, whose processes `stack` ends."""

    recipe: Recipe
    folder: Path
    """Of the model that the policy began as."""
    tokenizer: Any
    stack: ExitStack

    def live(self, model: Any) -> Engine:
        """Over the weights that learn, in this process."""
        return self._with_tools(TransformersEngine(model, self.tokenizer, batch=ROLLOUT_ROWS))

    def copy(self, model: torch.nn.Module) -> Engine:
        """Over `model`, which no one else uses and which takes the weights it is given."""
        return self._with_tools(CopyEngine(model, self.tokenizer))

    def vllm(self) -> Engine:
        """The recipe's vLLM."""
        from mathmill.rollout.vllm_engine import VllmEngine

        settings, context = self.recipe.rollout.vllm, self.recipe.model.context
        local_rank = int(os.environ["LOCAL_RANK"])
        engine = VllmEngine(self.folder, self.tokenizer, settings, context=context, local_rank=local_rank)
        return self._with_tools(self.stack.enter_context(engine))

    def _with_tools(self, engine: Engine) -> Engine:
        rounds = self.recipe.rollout.tool_rounds
        if not rounds:
            return engine
        from mathmill.sandbox.sandbox import Sandbox
        from mathmill.sandbox.tool import python_tool

        sandbox = self.stack.enter_context(Sandbox(self.recipe.sandbox))
        return ToolEngine(engine, self.tokenizer, python_tool(sandbox), rounds)


class CopyEngine:
    """An engine with weights of its own, which may be older than those that learn."""

    def __init__(self, model: torch.nn.Module, tokenizer: Any) -> None:
        """Draw from `model`, which no one else uses."""
        self._model = model
        self._engine = TransformersEngine(model, tokenizer, batch=ROLLOUT_ROWS)

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
