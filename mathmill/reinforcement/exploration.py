"""The exploration of a step: questions, completions drawn by a policy, verdicts and rewards."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from mathmill.questions import Question
from mathmill.recipe import Recipe
from mathmill.reinforcement.questions import Selection, question_prompt
from mathmill.reinforcement.rewards import Drawn, Judges, judge
from mathmill.reinforcement.sample import Group
from mathmill.rollout.engine import Engine
from mathmill.training.session import rank, world_size

One = TypeVar("One")


@dataclass(slots=True)
class Explored:
    """What a step learns from: this rank's part of it."""

    groups: list[Group]
    indices: list[int]
    """Of the groups' questions."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Spent on it, by what was done."""
    replaced: int = 0
    """Groups that were drawn and left out since their rewards were all equal."""


@dataclass(frozen=True, slots=True)
class Explorer:
    """Draws and judges; takes no part in any collective, so a thread may do it while another learns."""

    engine: Engine
    questions: list[Question]
    selection: Selection
    judges: Judges
    recipe: Recipe

    def choose(self, step: int) -> list[list[int]]:
        """This rank's questions of `step`, and of each try to replace some; by what is known of them now."""
        attempts = range(self.recipe.reinforce.resamples + 1)
        return [self.selection.of_step(step, attempt)[rank() :: world_size()] for attempt in attempts]

    def explore(self, step: int, version: int, choices: Sequence[Sequence[int]]) -> Explored:
        """Groups of `step`, drawn from the weights of `version`, of the questions that `choose` has chosen.

        Raises:
            RuntimeError: the engine drew from other weights.
        """
        settings = self.recipe.reinforce
        wanted = settings.questions_per_step // world_size()
        seconds = {"generate": 0.0, "reward": 0.0}
        kept: list[tuple[int, Group]] = []
        dull: list[tuple[int, Group]] = []
        for attempt, choice in enumerate(choices):
            chosen = choice[: wanted - len(kept)]
            began = time.monotonic()
            drawn = self._draw(chosen, sampling_seed(self.recipe.seed, step, attempt))
            generated = time.monotonic()
            groups = grouped(judge(drawn, self.judges, self.recipe), settings.group)
            seconds["generate"] += generated - began
            seconds["reward"] += time.monotonic() - generated
            _check_version(groups, version)
            for pair in zip(chosen, groups, strict=True):
                (dull if settings.resamples and _is_dull(pair[1]) else kept).append(pair)
            if len(kept) == wanted:
                break
        filled = [*kept, *dull][:wanted]
        return Explored([group for _, group in filled], [index for index, _ in filled], seconds, len(dull))

    def _draw(self, chosen: Sequence[int], seed: int) -> list[Drawn]:
        settings = self.recipe.reinforce
        asked = [self.questions[index] for index in chosen]
        prompts = [question_prompt(self.judges.tokenizer, one, self.recipe) for one in asked]
        groups = self.engine.generate(prompts, settings.sampling, samples=settings.group, seed=seed)
        return [
            Drawn(question, prompt, completion)
            for question, prompt, group in zip(asked, prompts, groups, strict=True)
            for completion in group
        ]


def sampling_seed(seed: int, step: int, attempt: int = 0) -> int:
    """Seed of the completions of a step: depends on nothing that an interrupted run would have to remember."""
    return int(np.random.SeedSequence([seed, step, attempt]).generate_state(1, np.uint64)[0] >> 1)


def grouped(samples: Sequence[One], size: int) -> list[list[One]]:
    """What stands group after group as groups of `size`."""
    return [list(samples[start : start + size]) for start in range(0, len(samples), size)]


def _is_dull(group: Group) -> bool:
    """Whether nothing can be learned from comparing the group's samples."""
    return len({sample.reward for sample in group}) == 1


def _check_version(groups: Sequence[Group], version: int) -> None:
    versions = {sample.completion.version for group in groups for sample in group}
    if versions - {version}:
        raise RuntimeError(f"samples of the weights of version {version} were asked for, and these are of {versions}")
