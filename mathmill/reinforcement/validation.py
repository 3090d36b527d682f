"""Accuracy, Pass@K and Maj@K on held-out questions while the policy learns, and some of what it answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch.distributed as dist

from mathmill.evaluation.accuracy import score
from mathmill.grading.grader import Grader, Verdict
from mathmill.questions import Question
from mathmill.recipe import Recipe
from mathmill.recipe_reinforcement import ValidationRecipe
from mathmill.reinforcement.questions import question_prompt
from mathmill.rollout.engine import Engine
from mathmill.training.session import rank, world_size

SHOWN = 8
"""Questions of which a validation shows a completion, always the same ones."""


@dataclass(frozen=True, slots=True)
class Validation:
    """What a validation saw, the same on every rank."""

    figures: dict[str, float]
    shown: list[dict[str, Any]]
    """The first completion of each of the first questions with its verdict, as rows of a table."""


def validate(
    engine: Engine,
    tokenizer: Any,
    questions: Sequence[Question],
    grader: Grader,
    recipe: Recipe,
    settings: ValidationRecipe,
) -> Validation:
    """Measure the weights that `engine` has; the seed is always the same."""
    mine = questions[rank() :: world_size()]
    prompts = [question_prompt(tokenizer, one, recipe) for one in mine]
    groups = engine.generate(prompts, settings.sampling, samples=settings.samples, seed=recipe.seed)
    golds = [one.answer for one, group in zip(mine, groups, strict=True) for _ in group]
    verdicts = iter(grader.grade([one.text for group in groups for one in group], golds))
    judged = [[next(verdicts) for _ in group] for group in groups]
    rows = [
        {
            "question": one.question,
            "gold": one.answer,
            "completion": group[0].text,
            "answer": of_group[0].answer,
            "outcome": of_group[0].outcome,
        }
        for one, group, of_group in zip(mine, groups, judged, strict=True)
    ]
    everyone: list[Any] = [None] * world_size()
    dist.all_gather_object(everyone, (judged, rows[:SHOWN]))
    figures = _figures([group for part, _ in everyone for group in part], settings)
    shown = [part[place] for place in range(SHOWN) for _, part in everyone if place < len(part)]
    return Validation(figures, shown[:SHOWN])


def _figures(judged: Sequence[Sequence[Verdict]], settings: ValidationRecipe) -> dict[str, float]:
    figures = score(judged, at=[settings.samples] if settings.samples > 1 else [])
    return {
        "validation/accuracy": figures.accuracy,
        "validation/accuracy_low": figures.low,
        "validation/accuracy_high": figures.high,
        **{f"validation/{name}": proportion.share for name, proportion in figures.proportions().items()},
    }
