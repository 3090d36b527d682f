"""From the sources of instruction tuning to examples, with an account of every row that gives none."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from mathmill.errors import UserError
from mathmill.questions import BadRow, Question, evaluation_questions, read_questions
from mathmill.recipe import Recipe
from mathmill.recipe_training import SolutionSource
from mathmill.training.chat import Segment, conversation, suffix_for
from mathmill.training.packing import Example

Reason = Literal[
    "unreadable", "not_of_layout", "no_solution", "bad_tool_output", "too_long", "evaluation_question", "duplicate"
]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that gives no example."""

    place: str
    """File and line, data set and row, or generator and number."""
    reason: Reason
    detail: str
    """The reason in words."""
    question: str = ""
    """Empty where the row has none that can be read."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A row that gives an example if that is short enough."""

    place: str
    question: str
    segments: Sequence[Segment]


def load_examples(recipe: Recipe, tokenizer: Any) -> tuple[list[Example], list[Rejected]]:
    """Examples that fit the context, and the rows left out, in the order of the recipe's sources.

    Raises:
        UserError: there is no source, one cannot be read, or one gives no example.
    """
    if not recipe.instruct.sources:
        raise UserError(f"recipe {recipe.name}: instruct.sources is empty: name a source with solutions")
    held_out = evaluation_questions(recipe)
    seen: set[tuple[str, str]] = set()
    examples: list[Example] = []
    rejected: list[Rejected] = []
    for number, source in enumerate(recipe.instruct.sources):
        chosen, bad = _chosen(recipe, source, tokenizer, held_out, seen)
        found = 0
        for one, example in zip(chosen, _examples(chosen, recipe, tokenizer), strict=True):
            if len(example) <= recipe.model.context:
                examples.append(example)
                found += 1
            else:
                detail = f"{len(example)} tokens are more than model.context, {recipe.model.context}"
                bad.append(Rejected(one.place, "too_long", detail, one.question))
        rejected += bad
        if not found:
            why = (
                f"none of its {len(bad)} rows can be learned from; {bad[0].place}: {bad[0].detail}" if bad else "empty"
            )
            raise UserError(f"recipe {recipe.name}: instruct.sources.{number}: {why}")
    return examples, rejected


def _chosen(
    recipe: Recipe, source: SolutionSource, tokenizer: Any, held_out: set[str], seen: set[tuple[str, str]]
) -> tuple[list[Chosen], list[Rejected]]:
    chosen: list[Chosen] = []
    rejected: list[Rejected] = []
    for question, place in read_questions(source.questions):
        if isinstance(question, BadRow):
            rejected.append(Rejected(place, question.reason, question.problem))
            continue
        form = source.format if source.format == "answer" else question.format or source.format
        solution = _solution(question, form)
        if problem := _problem(question, solution, held_out, seen):
            rejected.append(Rejected(place, *problem, question.question))
            continue
        seen.add((question.question, solution))
        suffix = suffix_for(recipe.prompt.suffix, form, question.language)
        try:
            segments = conversation(tokenizer, question.question, suffix, solution)
        except ValueError as error:
            rejected.append(Rejected(place, "bad_tool_output", str(error), question.question))
            continue
        chosen.append(Chosen(place, question.question, segments))
    return chosen, rejected


def _solution(question: Question, form: str) -> str:
    """What is learned; empty where the row has none."""
    if form == "answer":
        return rf"\boxed{{{question.answer}}}" if question.answer else ""
    return question.solution or ""


def _problem(
    question: Question, solution: str, held_out: set[str], seen: set[tuple[str, str]]
) -> tuple[Reason, str] | None:
    if not question.question.strip():
        return "not_of_layout", "the question is empty"
    if question.question in held_out:
        return "evaluation_question", "an evaluation task asks the same"
    if not solution.strip():
        return "no_solution", "the row has no solution"
    if (question.question, solution) in seen:
        return "duplicate", "an earlier row has the same question and solution"
    return None


def _examples(chosen: Sequence[Chosen], recipe: Recipe, tokenizer: Any) -> Iterator[Example]:
    """The examples of the chosen rows, in order."""
    texts = [segment.text for one in chosen for segment in one.segments]
    tokenised = iter(tokenizer(texts, add_special_tokens=False)["input_ids"] if texts else [])
    everything = recipe.instruct.loss_on == "everything"
    for one in chosen:
        parts = [next(tokenised) for _ in one.segments]
        target = [
            np.full(len(part), everything or segment.written) for part, segment in zip(parts, one.segments, strict=True)
        ]
        yield Example(np.concatenate([np.array(part, dtype=np.int32) for part in parts]), np.concatenate(target))
