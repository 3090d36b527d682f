"""Accuracy, Pass@K and Maj@K on held-out questions while the policy learns."""

from collections.abc import Sequence
from typing import Any

import torch.distributed as dist

from mathmill.evaluation.accuracy import score
from mathmill.grading.grader import Grader
from mathmill.questions import Question
from mathmill.recipe import Recipe
from mathmill.recipe_reinforcement import ValidationRecipe
from mathmill.reinforcement.questions import question_prompt
from mathmill.rollout.engine import Engine
from mathmill.training.session import rank, world_size


def validate(
    engine: Engine,
    tokenizer: Any,
    questions: Sequence[Question],
    grader: Grader,
    recipe: Recipe,
    settings: ValidationRecipe,
) -> dict[str, float]:
    """The figures of the weights that `engine` has, the same on every rank; the seed is always the same."""
    mine = questions[rank() :: world_size()]
    prompts = [question_prompt(tokenizer, one, recipe) for one in mine]
    groups = engine.generate(prompts, settings.sampling, samples=settings.samples, seed=recipe.seed)
    golds = [one.answer for one, group in zip(mine, groups, strict=True) for _ in group]
    verdicts = iter(grader.grade([one.text for group in groups for one in group], golds))
    judged = [[next(verdicts) for _ in group] for group in groups]
    everyone: list[Any] = [None] * world_size()
    dist.all_gather_object(everyone, judged)
    figures = score(
        [group for part in everyone for group in part], at=[settings.samples] if settings.samples > 1 else []
    )
    return {
        "validation/accuracy": figures.accuracy,
        "validation/accuracy_low": figures.low,
        "validation/accuracy_high": figures.high,
        **{f"validation/{name}": proportion.share for name, proportion in figures.proportions().items()},
    }
