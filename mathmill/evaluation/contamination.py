"""What a model's corpus had held of the questions that the model is asked, and accuracy with and without them.

Decontamination has removed what it found, so a question that is `found` had been seen on pages that the model did not
learn from: accuracy on these and on the others side by side tells whether more of the kind was left.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Literal, get_args

from mathmill.evaluation.accuracy import Proportion
from mathmill.evaluation.learned_corpus import FoundItem, LearnedCorpus, UnknownCorpus
from mathmill.output import write_records
from mathmill.questions import Question
from mathmill.questions.benchmarks import benchmark_name, item_ids
from mathmill.recipe_questions import QuestionSource

CONTAMINATION = "contamination.json"

State = Literal["found", "not_found", "not_searched", "unknown"]
"""Of a question. `found`: pages held some of it, and were removed or cut. `not_found`: none did. `not_searched`: its
texts are too short to be told from others. `unknown`: it was not among the benchmarks, or nothing is known."""
STATES: tuple[State, ...] = get_args(State)


@dataclass(frozen=True, slots=True)
class Part:
    """The questions of one state."""

    questions: int
    accuracy: Proportion | None
    """None without any such question."""


@dataclass(frozen=True, slots=True)
class TaskContamination:
    """What is known of one model's corpus and one task."""

    label: str
    """Of the model."""
    task: str
    corpus: str | None
    """Folder of the corpus build; None where it is not known."""
    benchmark: str | None
    """What decontamination called the task's source; None if it was not among its benchmarks."""
    items: int
    """Of the benchmark."""
    items_searched_for: int
    items_found: int
    """On pages."""
    reason: str | None
    """Why the questions are `unknown`; None if they are not."""
    reservations: tuple[str, ...]
    parts: dict[State, Part]
    """The task's questions by state."""
    states: dict[str, State]
    """By the question's id."""
    pages: dict[str, int]
    """Pages that held some of it, by the id of each question that is `found`."""


def task_contamination(
    corpus: LearnedCorpus | UnknownCorpus,
    label: str,
    task: str,
    *,
    source: QuestionSource,
    questions: Sequence[Question],
    right: Mapping[str, float],
) -> TaskContamination:
    """Set a task's questions against what was found in a model's corpus.

    Args:
        corpus: of the model (`mathmill.evaluation.learned_corpus`).
        label: of the model.
        task: the task's name.
        source: the task's questions.
        questions: those of them that were asked.
        right: the share of right completions of each question, by its id.
    """
    name, reason = None, corpus.reason if isinstance(corpus, UnknownCorpus) else None
    items: Mapping[str, FoundItem] = {}
    if isinstance(corpus, LearnedCorpus):
        name = _benchmark(source, corpus)
        items = corpus.items[name] if name else {}
        reason = None if name else f"{benchmark_name(source)} was not among the benchmarks of {corpus.build}"
    ids = item_ids(source) if items else {}
    found = {one.id: items.get(ids.get(one.id, "")) for one in questions}
    states = {id_: _state(item) for id_, item in found.items()}
    return TaskContamination(
        label=label,
        task=task,
        corpus=str(corpus.build) if isinstance(corpus, LearnedCorpus) else None,
        benchmark=name,
        items=len(items),
        items_searched_for=sum(item.searched_for for item in items.values()),
        items_found=sum(item.pages > 0 for item in items.values()),
        reason=reason,
        reservations=corpus.reservations if isinstance(corpus, LearnedCorpus) else (),
        parts={state: _part([right[id_] for id_, one in states.items() if one == state]) for state in STATES},
        states=states,
        pages={id_: item.pages for id_, item in found.items() if item is not None and item.pages},
    )


def write_contamination(directory: Path, tasks: Sequence[TaskContamination]) -> None:
    """Write `contamination.json`, a list with an object for each model and task."""
    write_records(directory / CONTAMINATION, tasks)


def contamination_table(tasks: Sequence[TaskContamination]) -> dict[str, list[object]]:
    """A table for MLflow with a row for each model, task and state that some question has."""
    rows = [
        {
            "model": one.label,
            "task": one.task,
            "items searched for": one.items_searched_for,
            "items found": one.items_found,
            "questions": state,
            "n": part.questions,
            "accuracy": round(part.accuracy.share, 4),
            "95% low": round(part.accuracy.low, 4),
            "95% high": round(part.accuracy.high, 4),
            "remark": "; ".join([*([one.reason] if one.reason else []), *one.reservations]),
        }
        for one in tasks
        for state, part in one.parts.items()
        if part.accuracy is not None
    ]
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}


def _benchmark(source: QuestionSource, corpus: LearnedCorpus) -> str | None:
    """What decontamination called a source: its own name, or its path below a folder of benchmarks."""
    name = benchmark_name(source)
    if name in corpus.items:
        return name
    return next((one for one in sorted(corpus.items) if one.endswith(f"/{name}")), None)


def _state(item: FoundItem | None) -> State:
    if item is None:
        return "unknown"
    if item.pages:
        return "found"
    return "not_found" if item.searched_for else "not_searched"


def _part(right: Sequence[float]) -> Part:
    return Part(len(right), Proportion.of(fmean(right), len(right)) if right else None)
