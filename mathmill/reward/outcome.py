"""What the outcome model learns: the verdicts on drawn solutions."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TypeVar

from mathmill.errors import UserError
from mathmill.recipe import Recipe
from mathmill.reward.lessons import Lesson, Lessons
from mathmill.reward.reading import Example, Reader
from mathmill.reward.solutions import Judged

Item = TypeVar("Item")


def outcome_lessons(judged: Sequence[Judged], reader: Reader, recipe: Recipe) -> Lessons:
    """Lessons of the recipe's loss.

    Raises:
        UserError: the loss is pairwise, and no question has a right and a wrong solution.
    """
    learning = [one for one in judged if not one.held_out]
    testing = [one for one in judged if one.held_out]
    lessons: list[Lesson] = [(_example(one, reader),) for one in learning]
    if recipe.reward.loss == "pairwise":
        lessons = [(_example(right, reader), _example(wrong, reader)) for right, wrong in pairs_of_questions(learning)]
        if not lessons:
            raise UserError(
                f"recipe {recipe.name}: no question has a right and a wrong solution among its {recipe.reward.samples}:"
                " raise reward.samples or reward.sampling.temperature, or take reward.loss pointwise"
            )
    return Lessons(
        learning=lessons,
        testing=[_example(one, reader) for one in testing],
        samples=[asdict(one) for one in judged],
        figures={
            "samples": len(judged),
            "share_right": sum(one.right for one in judged) / len(judged),
            "lessons": len(lessons),
        },
    )


def pairs_of_questions(judged: Sequence[Judged]) -> list[tuple[Judged, Judged]]:
    """Right and wrong solutions of one question, in pairs; each solution of such a question is in one at least."""
    groups: dict[tuple[str, str], tuple[list[Judged], list[Judged]]] = {}
    for one in judged:
        right, wrong = groups.setdefault((one.question, one.gold), ([], []))
        (right if one.right else wrong).append(one)
    return [pair for right, wrong in groups.values() if right and wrong for pair in _all_paired(right, wrong)]


def _all_paired(first: Sequence[Item], second: Sequence[Item]) -> list[tuple[Item, Item]]:
    """Pairs of both, in which those of the shorter sequence come up again and again."""
    count = max(len(first), len(second))
    return [(first[number % len(first)], second[number % len(second)]) for number in range(count)]


def _example(judged: Judged, reader: Reader) -> Example:
    return reader.solution(judged.question, judged.solution, [float(judged.right)])
