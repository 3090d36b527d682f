"""Verification: a reward model chooses among several samples of a question."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from mathmill.evaluation.results import Verification
from mathmill.questions import Question
from mathmill.recipe import Recipe

if TYPE_CHECKING:
    from mathmill.reward.scoring import RewardModel


@dataclass(frozen=True, slots=True)
class Rating:
    """What a reward model says of one completion."""

    score: float
    """In [0, 1]; of a process model the least of its steps'."""
    steps: list[float] | None
    """Each step's score; None of an outcome model."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """A reward model, and where it lies."""

    folder: Path
    model: "RewardModel"

    @classmethod
    def load(cls, folder: Path, recipe: Recipe) -> Self:
        """The reward model in `folder`, asked with the recipe's `prompt.suffix`."""
        import torch

        from mathmill.reward.scoring import RewardModel

        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        return cls(folder, RewardModel.load(folder, recipe.prompt.suffix, device))

    @property
    def verification(self) -> Verification:
        """What a result says of it."""
        return Verification(str(self.folder), self.model.kind)

    def rate(self, questions: Sequence[Question], groups: Sequence[Sequence[str]]) -> list[list[Rating]]:
        """What it says of each completion of each question."""
        from mathmill.reward.scoring import solution_score

        asked = [question for question, group in zip(questions, groups, strict=True) for _ in group]
        steps = self.model.step_scores(asked, [text for group in groups for text in group])
        process = self.model.kind == "process"
        ratings = iter([Rating(solution_score(one), one if process else None) for one in steps])
        return [[next(ratings) for _ in group] for group in groups]
