"""What an evaluation leaves: figures in `accuracy.json`, every graded completion in `items.parquet`."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mathmill.evaluation.accuracy import Proportion, Score, Verified
from mathmill.evaluation.grading import Outcome
from mathmill.output import write_text

ACCURACY = "accuracy.json"
ITEMS = "items.parquet"


@dataclass(frozen=True, slots=True)
class Result:
    """The figures of one model on one task; `accuracy.json` is a list of these."""

    model: str
    """The model's folder or hub id."""
    role: str
    label: str
    """Names the model in metrics and plots: the role, told apart where several models have it."""
    task: str
    score: Score
    outcomes: dict[Outcome, int]
    """Completions by what became of them."""
    cut: int
    """Completions cut at the greatest length."""


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
    import pyarrow as pa
    import pyarrow.parquet as pq

    write_text(directory / ACCURACY, json.dumps([asdict(result) for result in results], indent=2, ensure_ascii=False))
    pq.write_table(pa.Table.from_pylist([asdict(item) for item in items]), directory / ITEMS, compression="zstd")


def read_results(directory: Path) -> list[Result]:
    """The figures in a finished evaluation."""
    rows = json.loads((directory / ACCURACY).read_text(encoding="utf-8"))
    return [Result(**{**row, "score": _score(row["score"])}) for row in rows]


def _score(row: dict[str, Any]) -> Score:
    verified = row.get("verified")
    if verified:
        shares = {name: Proportion(**verified[name]) for name in ("best", "weighted_majority")}
        verified = Verified(**{**verified, **shares})
    return Score(**{**row, "verified": verified})
