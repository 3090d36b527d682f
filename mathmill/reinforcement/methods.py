"""Reinforcement methods by name: what the paper's table 10 says of each, as changes of a recipe.

| name | data | reward | coefficient |
|---|---|---|---|
| `sft` | the questions' own solutions | none | 1 |
| `rft` | samples of the first model | rule | 1 for a right answer, else 0 (Eq. 10) |
| `online_rft` | samples of the policy | rule | as of `rft` |
| `dpo` | samples of the first model, in pairs | rule | sigmoid of the pair's log-ratios (Eq. 14) |
| `ppo` | samples of the policy | outcome model | advantage by a critic (Eq. 18) |
| `grpo_outcome` | samples of the policy | outcome model | advantage in the group, and divergence (Eq. 21) |
| `grpo_process` | samples of the policy | process model, each step | as of `grpo_outcome`, summed over later steps |
| `grpo_rule` | samples of the policy | rule | as of `grpo_outcome` |
| `grpo_iterative` | as `grpo_outcome`, in two rounds | outcome model, trained on between them | as of `grpo_outcome` |
| `modern` | samples of the policy | rule | the recipe's preset `modern` |

All else is the recipe's own, and the same for every method.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mathmill.recipe_reinforcement import PRESETS, Algorithm, ReinforceRecipe
from mathmill.training.model_directory import RewardKind

SECTION = "reinforce"
"""The recipe's section that methods differ in."""
REWARD_KINDS: dict[str, RewardKind] = {"outcome_model": "outcome", "process_model": "process"}
"""What kind of reward model a kind of reward needs."""


@dataclass(frozen=True, slots=True)
class Method:
    """A combination of data source, reward and coefficient; the data source is the algorithm's own."""

    algorithm: Algorithm
    reward: Literal["rule", "outcome_model", "process_model"]
    supervision: Literal["outcome", "process"] = "outcome"
    iterations: int = 1
    preset: Literal["paper", "modern"] = "paper"

    def settings(self) -> dict[str, Any]:
        """The keys of `reinforce` that make a recipe this method."""
        return {
            "algorithm": self.algorithm,
            "data": None,
            "rewards": [{"kind": self.reward}],
            "supervision": self.supervision,
            "iterations": self.iterations,
            "preset": self.preset,
            **PRESETS[self.preset],
        }

    def changes(self) -> dict[str, Any]:
        """The same by the recipe's whole keys."""
        return {f"{SECTION}.{name}": value for name, value in self.settings().items()}

    def fits(self, settings: ReinforceRecipe) -> bool:
        """Whether `settings` are this method, however much of the reward its one kind weighs."""
        values = settings.model_dump() | {"rewards": [{"kind": part.kind} for part in settings.rewards]}
        return all(values[name] == value for name, value in self.settings().items())


METHODS = {
    "sft": Method("sft", "rule"),
    "rft": Method("rft", "rule"),
    "online_rft": Method("online_rft", "rule"),
    "dpo": Method("dpo", "rule"),
    "ppo": Method("ppo", "outcome_model"),
    "grpo_outcome": Method("grpo", "outcome_model"),
    "grpo_process": Method("grpo", "process_model", supervision="process"),
    "grpo_rule": Method("grpo", "rule"),
    "grpo_iterative": Method("grpo", "outcome_model", iterations=2),
    "modern": Method("grpo", "rule", preset="modern"),
}
FIGURE_5 = ("rft", "online_rft", "grpo_outcome", "grpo_process")
"""The methods of the paper's figure 5."""


def method_name(settings: ReinforceRecipe) -> str:
    """The name of the method that `settings` are, or of their algorithm where they are none of the table's."""
    return next((name for name, method in METHODS.items() if method.fits(settings)), settings.algorithm)


def reward_kinds(settings: ReinforceRecipe) -> list[RewardKind]:
    """The kinds of reward model that the rewards ask for."""
    return [REWARD_KINDS[part.kind] for part in settings.rewards if part.kind in REWARD_KINDS]


def samples_drawn(settings: ReinforceRecipe) -> int:
    """Completions that a run may draw to learn from: the budget, the same for methods that are compared.

    Learning the questions' own solutions (`sft`) draws none of them.
    """
    return settings.questions_per_step * settings.group * settings.steps * (1 + settings.resamples)


def labels(runs: Sequence[ReinforceRecipe]) -> list[str]:
    """A name for each of some different settings: the method's, and where several have it what they differ in."""
    names = [method_name(settings) for settings in runs]
    dumped = [settings.model_dump(mode="json") for settings in runs]
    found = []
    for name, values in zip(names, dumped, strict=True):
        namesakes = [other for other_name, other in zip(names, dumped, strict=True) if other_name == name]
        differing = [key for key in values if any(other[key] != values[key] for other in namesakes)]
        found.append(" ".join([name, *(f"{key}={values[key]}" for key in differing)]))
    return found
