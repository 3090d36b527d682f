"""Reward functions, and what a completion earns by their weighted sum."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mathmill.grading.grader import Grader, Verdict
from mathmill.questions import Question
from mathmill.recipe import Recipe
from mathmill.recipe_reinforcement import ReinforceRecipe, RewardPart, RuleReward
from mathmill.reinforcement.sample import Sample, Steps
from mathmill.reward.scoring import RewardModel, solution_score
from mathmill.reward.steps import drawn_step_ends, split_steps
from mathmill.rollout.engine import Completion


@dataclass(frozen=True, slots=True)
class Drawn:
    """A completion that nothing is said of yet."""

    question: Question
    prompt: list[int]
    completion: Completion


@dataclass(slots=True)
class Judges:
    """What rewards come from."""

    grader: Grader
    tokenizer: Any
    """The policy's."""
    models: dict[str, RewardModel] = field(default_factory=dict)
    """By the kind of reward that asks for them."""


def judge(drawn: Sequence[Drawn], judges: Judges, recipe: Recipe) -> list[Sample]:
    """The completions with their verdicts and rewards, in order."""
    settings = recipe.reinforce
    verdicts = judges.grader.grade([one.completion.text for one in drawn], [one.question.answer for one in drawn])
    scores = _step_scores(drawn, judges)
    columns: dict[str, list[float]] = {
        part.kind: _column(part, drawn, verdicts, scores, judges, settings) for part in settings.rewards
    }
    weights: dict[str, float] = {part.kind: part.weight for part in settings.rewards}
    samples = []
    for place, (one, verdict) in enumerate(zip(drawn, verdicts, strict=True)):
        rewards = {kind: column[place] for kind, column in columns.items()}
        weighed = {kind: weights[kind] * reward for kind, reward in rewards.items()}
        steps = None
        if settings.supervision == "process":
            steps = _steps(one.completion, scores[place], weights["process_model"], judges.tokenizer)
        samples.append(
            Sample(
                question=one.question,
                prompt=one.prompt,
                completion=one.completion,
                verdict=verdict,
                rewards=rewards,
                reward=sum(weighed.values()),
                steps=steps,
                whole=sum(value for kind, value in weighed.items() if kind != "process_model"),
            )
        )
    return samples


def rule(verdict: Verdict, noise: float) -> float:
    """1 for the right answer and 0 for another, corrected for verdicts of which the share `noise` is flipped."""
    return (float(verdict.right) - noise) / (1 - 2 * noise)


def well_formed(completion: Completion, verdict: Verdict) -> float:
    """1 where the completion ended by itself and has one boxed answer, else 0."""
    boxed = verdict.answer is not None and completion.text.count(r"\boxed{") == 1
    return float(boxed and completion.finish_reason == "stop")


def overlong(length: int, longest: int, margin: int) -> float:
    """DAPO's soft punishment (arXiv 2503.14476, Eq. 13): 0 up to `longest - margin` tokens, -1 at `longest`."""
    return -max(0.0, (length - (longest - margin)) / margin)


def _column(
    part: RewardPart,
    drawn: Sequence[Drawn],
    verdicts: Sequence[Verdict],
    scores: Sequence[Sequence[float]],
    judges: Judges,
    settings: ReinforceRecipe,
) -> list[float]:
    """What one reward function gives each completion."""
    if isinstance(part, RuleReward):
        return [rule(verdict, part.noise) for verdict in verdicts]
    if part.kind == "format":
        return [well_formed(one.completion, verdict) for one, verdict in zip(drawn, verdicts, strict=True)]
    if part.kind == "overlong":
        longest = settings.sampling.max_new_tokens
        return [overlong(len(one.completion.token_ids), longest, part.margin) for one in drawn]
    if part.kind == "process_model":
        return [solution_score(one) for one in scores]
    return judges.models[part.kind]([one.question for one in drawn], [one.completion.text for one in drawn])


def _step_scores(drawn: Sequence[Drawn], judges: Judges) -> list[list[float]]:
    """The process model's scores of each completion's steps; none without it."""
    if "process_model" not in judges.models:
        return [[] for _ in drawn]
    return judges.models["process_model"].step_scores(
        [one.question for one in drawn], [one.completion.text for one in drawn]
    )


def _steps(completion: Completion, scores: Sequence[float], weight: float, tokenizer: Any) -> Steps:
    ends = drawn_step_ends(tokenizer, completion.token_ids, split_steps(completion.text.strip()))
    return Steps(ends, [weight * score for score in scores])
