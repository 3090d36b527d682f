"""Labels of steps, from how often a completer reaches the right answer after them (Math-Shepherd, section 3.3)."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mathmill.grading.grader import Grader
from mathmill.recipe import Recipe
from mathmill.reward.parts import Row, in_parts
from mathmill.reward.solutions import Completer, Judged
from mathmill.reward.steps import split_steps, step_tokens
from mathmill.training.chat import prompt_ids
from mathmill.training.session import rank

log = logging.getLogger("mathmill")


@dataclass(frozen=True, slots=True)
class Labelled:
    """A solution with a label for each of its steps."""

    question: str
    steps: list[str]
    labels: list[float]
    """Of each step, in [0, 1]; the last one's says whether the solution is right."""
    held_out: bool


@dataclass(frozen=True, slots=True)
class Prefix:
    """The beginning of one or more solutions to a question, up to the end of a step that is not the last."""

    token_ids: tuple[int, ...]
    """Of the question's prompt and the steps, by the completer's tokenizer."""
    question: str
    gold: str
    text: str
    """The steps."""


def label_solutions(
    folder: Path, completer: Completer, judged: Sequence[Judged], grader: Grader, recipe: Recipe
) -> tuple[list[Labelled], dict[str, float]]:
    """The drawn solutions with their steps labelled, and figures of the completions.

    A step that is not the last is labelled by its completions, the last one by the verdict on the solution itself.

    Args:
        folder: keeps the completions, so that they are drawn once.
        completer: the model that completes.
        judged: drawn solutions with their verdicts.
        grader: judges the completed solutions.
        recipe: says how many completions there are, how they are drawn and how they make a label.
    """
    steps = [split_steps(one.solution) for one in judged]
    prefixes = [
        prefixes_of(one, parts, completer.tokenizer, recipe.prompt.suffix)
        for one, parts in zip(judged, steps, strict=True)
    ]
    distinct = list(dict.fromkeys(prefix for group in prefixes for prefix in group))
    rows = complete(folder, completer, distinct, grader, recipe)
    made = [step_label(row["right"], recipe.reward.labels) for row in rows]
    labels = dict(zip(distinct, made, strict=True))
    labelled = [
        Labelled(
            question=one.question,
            steps=parts,
            labels=[*(labels[prefix] for prefix in group), float(one.right)] if parts else [],
            held_out=one.held_out,
        )
        for one, parts, group in zip(judged, steps, prefixes, strict=True)
    ]
    right = [verdict for row in rows for verdict in row["right"]]
    share = {"completions_share_right": sum(right) / len(right)} if right else {}
    return labelled, {"prefixes": len(distinct), "completions": len(right), **share}


def prefixes_of(judged: Judged, steps: Sequence[str], tokenizer: Any, suffix: str) -> list[Prefix]:
    """A solution's beginnings at the end of each step but the last.

    They are cut from the tokens of the whole solution, before any line break that is a token of its own: the completer
    goes on as if it had written them.
    """
    if len(steps) < 2:
        return []
    prompt = prompt_ids(tokenizer, judged.question, suffix)
    ids, ends = step_tokens(tokenizer, steps)
    return [
        Prefix(tuple(prompt + ids[: end + 1]), judged.question, judged.gold, "\n".join(steps[: number + 1]))
        for number, end in enumerate(ends[:-1])
    ]


def complete(
    folder: Path, completer: Completer, prefixes: Sequence[Prefix], grader: Grader, recipe: Recipe
) -> list[Row]:
    """`reward.completions` completions of each prefix, graded: question, steps, answers, and which are right."""
    settings = recipe.reward

    def make(part: range) -> list[Mapping[str, Any]]:
        mine = [prefixes[index] for index in part]
        prompts = [list(prefix.token_ids) for prefix in mine]
        drawn = completer.engine.generate(prompts, settings.sampling, samples=settings.completions, seed=recipe.seed)
        texts = [prefix.text + one.text for prefix, group in zip(mine, drawn, strict=True) for one in group]
        verdicts = iter(grader.grade(texts, [prefix.gold for prefix in mine for _ in range(settings.completions)]))
        judged = [[next(verdicts) for _ in group] for group in drawn]
        return [
            {
                "question": prefix.question,
                "steps": prefix.text,
                "answers": [verdict.answer for verdict in group],
                "right": [verdict.right for verdict in group],
            }
            for prefix, group in zip(mine, judged, strict=True)
        ]

    if rank() == 0:
        log.info("%d completions after each of %d distinct beginnings", settings.completions, len(prefixes))
    return in_parts(folder, len(prefixes), completer.portion(settings.completions), make)


def step_label(right: Sequence[bool], labels: Literal["hard", "soft"]) -> float:
    """A step's label by the verdicts on its completions: Math-Shepherd's hard or soft estimation (section 3.3)."""
    return float(any(right)) if labels == "hard" else sum(right) / len(right)
