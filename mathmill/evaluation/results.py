"""What an evaluation leaves: figures in `accuracy.json`, every graded completion in `items.parquet`."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mathmill.errors import UserError
from mathmill.evaluation.accuracy import Proportion, Score, Several
from mathmill.grading.grader import Outcome
from mathmill.output import write_parquet, write_records
from mathmill.recipe_questions import SolutionFormat
from mathmill.training.model_directory import RewardKind

ACCURACY = "accuracy.json"
ITEMS = "items.parquet"


@dataclass(frozen=True, slots=True)
class Verification:
    """A reward model that chose among samples, or under which an answer was sought."""

    reward: str
    """The reward model's folder."""
    kind: RewardKind


@dataclass(frozen=True, slots=True)
class Result:
    """The figures of one model on one task in one form; `accuracy.json` is a list of these."""

    model: str
    """The model's folder or hub id."""
    role: str
    label: str
    """Names the model in metrics and plots: the role, told apart where several models have it."""
    task: str
    form: SolutionFormat
    """Of the solutions asked for."""
    score: Score
    """By the strict grader."""
    outcomes: dict[Outcome, int]
    """Completions by what became of them, by the strict grader."""
    cut: int
    """Completions cut at the greatest length."""
    paper: Score | None = None
    """By the paper's rules; None where they were not asked."""
    paper_programs: Score | None = None
    """By the paper's rules, of what the last program of a tool-integrated solution printed."""
    verification: Verification | None = None
    """None without a reward model."""


@dataclass(frozen=True, slots=True)
class Item:
    """One graded completion; a row of `items.parquet`."""

    model: str
    label: str
    task: str
    question_id: str
    question: str
    gold: str
    prompt: str
    sample: int
    completion: str
    answer: str | None
    outcome: Outcome
    right: bool
    finish_reason: str
    tokens: int
    level: str | None = None
    subject: str | None = None
    paper_answer: str | None = None
    paper_outcome: Outcome | None = None
    """By the paper's rules; `answer`, `outcome` and `right` are the strict grader's."""
    paper_right: bool | None = None
    score: float | None = None
    """The reward model's, in [0, 1]; None without one."""
    step_scores: list[float] | None = None
    """A process model's, of each step."""


def write_results(directory: Path, results: Sequence[Result], items: Sequence[Item]) -> None:
    """Write both files into `directory`."""
    write_records(directory / ACCURACY, results)
    write_parquet(directory / ITEMS, items)


def read_results(directory: Path) -> list[Result]:
    """The figures in a finished evaluation.

    Raises:
        UserError: an earlier version of this library wrote them.
    """
    rows = json.loads((directory / ACCURACY).read_text(encoding="utf-8"))
    try:
        return [_result(row) for row in rows]
    except (KeyError, TypeError) as error:
        raise UserError(
            f"{directory / ACCURACY} was written by another version of mathmill: make it again with `mathmill evaluate`"
        ) from error


def read_verdicts(directory: Path) -> dict[tuple[str, str], dict[str, list[bool]]]:
    """The strict verdicts on each question's samples in a finished evaluation, by question id.

    Returns:
        Those of each model's folder and task.
    """
    import pyarrow.parquet as pq

    columns = ["model", "task", "question_id", "right"]
    table = pq.read_table(directory / ITEMS, columns=columns)
    found: dict[tuple[str, str], dict[str, list[bool]]] = {}
    for model, task, question, right in zip(*(table[name].to_pylist() for name in columns), strict=True):
        found.setdefault((model, task), {}).setdefault(question, []).append(right)
    return found


def _result(row: dict[str, Any]) -> Result:
    return Result(
        **{
            **row,
            "score": _score(row["score"]),
            "paper": _score(row["paper"]) if row["paper"] else None,
            "paper_programs": _score(row["paper_programs"]) if row["paper_programs"] else None,
            "verification": Verification(**row["verification"]) if row["verification"] else None,
        }
    )


def _score(row: dict[str, Any]) -> Score:
    return Score(**{**row, "several": tuple(_several(one) for one in row["several"])})


def _several(row: dict[str, Any]) -> Several:
    shares = {name: Proportion(**value) for name, value in row.items() if isinstance(value, dict)}
    return Several(**{**row, **shares})
