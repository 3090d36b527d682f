"""The questions to train on, and which of them a step takes."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from mathmill.errors import UserError
from mathmill.questions import Question, evaluation_questions, load_questions
from mathmill.recipe import Recipe
from mathmill.training.chat import Form, prompt_ids
from mathmill.training.passes import indices_of_step

LEAST_WEIGHT = 0.02
"""Of a question that is always answered right, beside 1 of one that never is: it may be forgotten again."""


def training_questions(recipe: Recipe) -> list[Question]:
    """The questions to train on: those of the recipe that neither evaluation nor validation asks.

    Raises:
        UserError: there are fewer than a step needs, or solutions are to be learned and one has none.
    """
    settings = recipe.reinforce
    held_out = set(evaluation_questions(recipe)) | {one.question for one in validation_questions(recipe)}
    loaded = [one for source in settings.questions for one in load_questions(source)]
    questions = [one for one in loaded if one.question not in held_out]
    if len(questions) < settings.questions_per_step:
        raise UserError(
            f"recipe {recipe.name}: reinforce.questions hold {len(questions)} questions that no evaluation task asks,"
            f" and a step takes {settings.questions_per_step}: add some"
        )
    if settings.source == "solutions" and (unsolved := [one.id for one in questions if not one.solution]):
        raise UserError(
            f"recipe {recipe.name}: reinforce.questions: question {unsolved[0]} has no solution, which algorithm sft"
            " learns: name a source with solutions, or take another algorithm"
        )
    return questions


def validation_questions(recipe: Recipe) -> list[Question]:
    """The questions that accuracy is measured on while the policy learns; none where the recipe has no validation."""
    validation = recipe.reinforce.validation
    return [] if validation is None else load_questions(validation.questions)


def question_prompt(tokenizer: Any, question: Question, recipe: Recipe) -> list[int]:
    """Token ids of the question as the policy is asked it: for a chain of thought, or for programs where tools run."""
    form: Form = "tool" if recipe.rollout.tool_rounds else "cot"
    return prompt_ids(tokenizer, question.question, recipe.prompt.suffix, form)


class Selection:
    """Which questions a step takes, by the recipe's `order`."""

    def __init__(self, count: int, recipe: Recipe, shares: dict[int, float] | None = None) -> None:
        """Choose among `count` questions.

        Args:
            count: questions.
            recipe: its `order`, the size of a step and the seed.
            shares: of questions drawn before, the share of right samples.
        """
        self._count = count
        self._size = recipe.reinforce.questions_per_step
        self._order = recipe.reinforce.order
        self._seed = recipe.seed
        self.shares = dict(shares or {})

    def of_step(self, step: int, attempt: int = 0) -> list[int]:
        """Indices of the questions of `step`; of those that replace them, at a later `attempt`."""
        seed = self._seed + (attempt << 32)
        if self._order == "passes":
            return indices_of_step(self._count, step, self._size, seed)
        weights = np.array([max(LEAST_WEIGHT, 1 - self.shares.get(index, 0.0)) for index in range(self._count)])
        generator = np.random.default_rng([seed, step])
        return generator.choice(self._count, self._size, replace=False, p=weights / weights.sum()).tolist()

    def learn(self, shares: Iterable[tuple[int, float]]) -> None:
        """Remember questions' shares of right samples."""
        self.shares.update(shares)
