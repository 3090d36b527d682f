"""The exploration of a step: questions, completions drawn by the live policy, verdicts and rewards."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mathmill.errors import UserError
from mathmill.evaluation.grading import Grader, Verdict
from mathmill.questions import Question, evaluation_questions, load_questions
from mathmill.recipe import Recipe
from mathmill.reinforcement import rewards
from mathmill.rollout.engine import Completion, Engine
from mathmill.training.chat import prompt_ids

OutcomeReward = Callable[[Sequence[Question], Sequence[str]], list[float]]
"""The outcome reward model: from questions and solutions to probabilities of being right."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A completion and what it earned."""

    question: Question
    prompt: list[int]
    completion: Completion
    verdict: Verdict
    rewards: dict[str, float]
    """By kind of reward function."""
    reward: float
    """Their weighted sum."""


def training_questions(recipe: Recipe) -> list[Question]:
    """The questions to train on: those of the recipe that no evaluation task asks.

    Raises:
        UserError: there are fewer than a step needs.
    """
    held_out = evaluation_questions(recipe)
    loaded = [one for source in recipe.reinforce.questions for one in load_questions(source)]
    questions = [one for one in loaded if one.question not in held_out]
    if len(questions) < recipe.reinforce.questions_per_step:
        raise UserError(
            f"recipe {recipe.name}: reinforce.questions hold {len(questions)} questions that no evaluation task asks,"
            f" and a step takes {recipe.reinforce.questions_per_step}: add some"
        )
    return questions


def sampling_seed(seed: int, step: int) -> int:
    """Seed of the completions of a step: depends on nothing that an interrupted run would have to remember."""
    return int(np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)[0] >> 1)


def draw(
    engine: Engine, tokenizer: Any, questions: Sequence[Question], recipe: Recipe, step: int
) -> list[tuple[Question, list[int], Completion]]:
    """`reinforce.group` completions of each question, group after group."""
    settings = recipe.reinforce
    prompts = [prompt_ids(tokenizer, question.question, recipe.prompt.suffix) for question in questions]
    seed = sampling_seed(recipe.seed, step)
    groups = engine.generate(prompts, settings.sampling, samples=settings.group, seed=seed)
    return [
        (question, prompt, completion)
        for question, prompt, group in zip(questions, prompts, groups, strict=True)
        for completion in group
    ]


def judge(
    drawn: Sequence[tuple[Question, list[int], Completion]],
    grader: Grader,
    outcome_model: OutcomeReward | None,
    recipe: Recipe,
) -> list[Sample]:
    """The completions with their verdicts and rewards, in order."""
    questions = [question for question, _, _ in drawn]
    texts = [completion.text for _, _, completion in drawn]
    verdicts = grader.grade(texts, [question.answer for question in questions])
    by_kind = {"rule": rewards.rule(verdicts)}
    if outcome_model is not None:
        by_kind["outcome_model"] = outcome_model(questions, texts)
    sums = rewards.weighted_sum(recipe.reinforce.rewards, by_kind)
    return [
        Sample(
            question, prompt, completion, verdicts[i], {kind: column[i] for kind, column in by_kind.items()}, sums[i]
        )
        for i, (question, prompt, completion) in enumerate(drawn)
    ]
