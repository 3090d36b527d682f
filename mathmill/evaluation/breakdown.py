"""Accuracy by level and by subject, for tasks whose questions have them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean
from typing import Literal, get_args

from mathmill.evaluation.accuracy import Proportion
from mathmill.evaluation.results import Item

BREAKDOWN = "breakdown.json"

Property = Literal["level", "subject"]


@dataclass(frozen=True, slots=True)
class Part:
    """A model's accuracy on the questions of a task that share a level or a subject; a line of `breakdown.json`."""

    task: str
    by: Property
    value: str
    """The level or the subject."""
    label: str
    """The model's."""
    n: int
    """Questions."""
    accuracy: Proportion
    """Of the completions, by the strict grader, with the interval as of `n` independent trials."""


def breakdown(items: Iterable[Item]) -> list[Part]:
    """The parts by task, property and value, a line a model; levels by number, subjects by name.

    Questions that do not say their level, or their subject, are in no part by it.
    """
    found: dict[tuple[str, Property, str], dict[str, dict[str, list[bool]]]] = {}
    for item in items:
        values: dict[Property, str | None] = {"level": item.level, "subject": item.subject}
        for by in get_args(Property):
            if (value := values[by]) is not None:
                models = found.setdefault((item.task, by, value), {})
                models.setdefault(item.label, {}).setdefault(item.question_id, []).append(item.right)
    tasks = list(dict.fromkeys(task for task, _, _ in found))
    return [
        Part(task, by, value, label, len(questions), _accuracy(questions))
        for (task, by, value), models in sorted(
            found.items(), key=lambda part: (tasks.index(part[0][0]), part[0][1], _by_number(part[0][2]))
        )
        for label, questions in models.items()
    ]


def _accuracy(questions: dict[str, list[bool]]) -> Proportion:
    return Proportion.of(fmean(right for group in questions.values() for right in group), len(questions))


def _by_number(value: str) -> list[tuple[bool, int, str]]:
    """A key by which the numbers in names count as numbers: grade 10 comes after grade 9."""
    return [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.findall(r"\d+|\D+", value)]
