"""The recipe's section on what draws the completions of reinforcement learning."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mathmill.recipe_types import Count, Rate, Section


class VllmRecipe(Section):
    """A vLLM in an environment of its own, since it pins another torch; every rank starts a process of it."""

    python: str | None = None
    """The Python interpreter of the environment that has vLLM."""
    devices: list[Count] = []
    """The GPU of each local rank's vLLM process; empty: the rank's own, which vLLM leaves (it sleeps) while the policy
    trains."""
    memory: Annotated[float, Field(gt=0, le=1)] = 0.3
    """Share of a GPU's memory, or of the machine's where there is none, for weights and key-value cache."""
    dtype: Literal["float32", "bfloat16"] = "bfloat16"
    """Of vLLM's copy of the weights."""
    seconds: Rate = 1800.0
    """Longest wait for one answer of the process: its start, a load of weights, a batch of completions."""


class RolloutRecipe(Section):
    """What draws completions."""

    engine: Literal["transformers", "vllm"] = "transformers"
    """`transformers`: this environment's own decode loop."""
    vllm: VllmRecipe = VllmRecipe()
    tool_rounds: Count = 0
    """How many programs of a completion are run at most while it is written, in the sandbox; questions are then asked
    for the paper's tool-integrated form. 0: none."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.engine == "vllm" and self.vllm.python is None:
            raise ValueError("engine vllm needs vllm.python, the interpreter of the environment that has vLLM")
        return self
