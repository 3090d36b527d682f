"""What an evaluation shows in MLflow, and the tables that it writes beside its results."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from mathmill.evaluation.accuracy import Score
from mathmill.evaluation.accuracy_figure import Bar, accuracy_figure
from mathmill.evaluation.breakdown import BREAKDOWN, Part, breakdown
from mathmill.evaluation.leaderboard import (
    Evaluation,
    Published,
    finished_evaluations,
    leaderboard,
    leaderboard_row,
    registered_versions,
)
from mathmill.evaluation.leaderboard_page import leaderboard_page
from mathmill.evaluation.paired import PAIRED, paired_rows
from mathmill.evaluation.results import Item, Result
from mathmill.evaluation.samples_figure import samples_figure
from mathmill.evaluation.shown import first_of_each
from mathmill.job import Figures, Job
from mathmill.output import write_records, write_text

SHOWN = 20
"""Completions of each model and task in the table of samples; all are in `items.parquet`."""
LEADERBOARD = "leaderboard.json"
PAGE = "leaderboard.html"

Row = Mapping[str, Any]


def log_report(job: Job, results: Sequence[Result], items: Sequence[Item]) -> Figures:
    """Log figures, tables, plots and some completions; return the figures of the job."""
    _log_rows(job, [row for result in results for row in _accuracy_rows(result)], "accuracy.json")
    _log_rows(job, [row for result in results for row in _several_rows(result)], "several_samples.json")
    _log_rows(job, _sample_rows(items), "samples.json")
    pairs, parts = paired_rows(items), breakdown(items)
    write_records(job.out / PAIRED, pairs)
    _log_rows(job, [asdict(row) for row in pairs], PAIRED)
    write_records(job.out / BREAKDOWN, parts)
    _log_rows(job, [_part_row(part) for part in parts], BREAKDOWN)
    _log_figures(job, results, parts)
    _log_models(job, results)
    return figures(results)


def log_leaderboard(job: Job, results: Sequence[Result], published: Published) -> None:
    """Write and log the leaderboard of the recipe: its finished evaluations in the home, and this one.

    Args:
        job: an evaluation that is about to be finished.
        results: its own.
        published: the paper's figures.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    evaluations = [*finished_evaluations(job.recipe.name), Evaluation(job.final, now, results)]
    entries = leaderboard(evaluations, published, registered_versions(job.recipe.name, evaluations))
    if not entries:
        return
    write_records(job.out / LEADERBOARD, entries)
    write_text(job.out / PAGE, leaderboard_page(job.recipe.name, entries, published))
    _log_rows(job, [leaderboard_row(entry) for entry in entries], LEADERBOARD)
    job.run.log_artifact(job.out / PAGE)


def figures(results: Sequence[Result]) -> dict[str, float]:
    """The metrics, each named `<what>/<label>/<task>`; accuracies first.

    Those by the paper's rules begin `paper_`, or `paper_programs_` where they judge the last program's output.
    """
    return {
        name: value
        for result in results
        for name, value in _result_metrics(result, f"{result.label}/{result.task}").items()
    }


def _result_metrics(result: Result, place: str) -> dict[str, float]:
    metrics: dict[str, float] = {}
    for grader, score in _by_grader(result).items():
        metrics |= _score_metrics(score, place, "" if grader == "strict" else f"{grader}_")
    metrics[f"questions/{place}"] = result.score.n
    metrics[f"cut/{place}"] = result.cut
    for outcome in ("missing", "unparsable", "timed_out", "failed"):
        metrics[f"{outcome}/{place}"] = result.outcomes[outcome]
    return metrics


def _log_models(job: Job, results: Sequence[Result]) -> None:
    """A nested run for each model, whose metrics are named alike, so that MLflow sets the models side by side.

    They are also metrics of the models themselves, where the registry has these.
    """
    for label in dict.fromkeys(result.label for result in results):
        mine = [result for result in results if result.label == label]
        model, role = mine[0].model, mine[0].role
        params = {"model": model, "role": role, "form": mine[0].form}
        metrics = {name: value for result in mine for name, value in _result_metrics(result, result.task).items()}
        job.run.log_measured(label, model, job.recipe.name, role, params, metrics)


def _by_grader(result: Result) -> dict[str, Score]:
    scores = {"strict": result.score, "paper": result.paper, "paper_programs": result.paper_programs}
    return {grader: score for grader, score in scores.items() if score is not None}


def _score_metrics(score: Score, place: str, prefix: str) -> dict[str, float]:
    shares = {"accuracy": score.share, **score.proportions()}
    return {
        metric: value
        for name, seen in shares.items()
        for metric, value in seen.metrics(f"{prefix}{name}", place).items()
    }


def _log_figures(job: Job, results: Sequence[Result], parts: Sequence[Part]) -> None:
    bars = [Bar(one.task, one.label, one.score.n, one.score.share) for one in results]
    job.run.log_figure(accuracy_figure(bars, "accuracy by task"), "accuracy.png")
    for task in dict.fromkeys(result.task for result in results):
        several = [result for result in results if result.task == task and result.score.several]
        if several:
            job.run.log_figure(samples_figure(several), f"several_samples-{task}.png")
    for task, by in dict.fromkeys((part.task, part.by) for part in parts):
        mine = [part for part in parts if (part.task, part.by) == (task, by)]
        bars = [
            Bar(f"level {one.value}" if by == "level" else one.value, one.label, one.n, one.accuracy) for one in mine
        ]
        job.run.log_figure(accuracy_figure(bars, f"{task}: accuracy by {by}"), f"accuracy_by_{by}-{task}.png")


def _log_rows(job: Job, rows: Sequence[Row], name: str) -> None:
    """Log rows of the same columns as a table, shares to four places; nothing without rows."""
    job.run.log_rows(
        [{key: round(cell, 4) if isinstance(cell, float) else cell for key, cell in row.items()} for row in rows], name
    )


def _accuracy_rows(result: Result) -> list[Row]:
    """A row for each grader."""
    return [
        {
            "model": result.label,
            "task": result.task,
            "form": result.form,
            "grader": grader,
            "n": score.n,
            "accuracy": score.accuracy,
            "95% low": score.low,
            "95% high": score.high,
            "folder": result.model,
        }
        for grader, score in _by_grader(result).items()
    ]


def _several_rows(result: Result) -> list[Row]:
    """What several samples of a question give together, a row for each grader, K and way to choose."""
    return [
        {
            "model": result.label,
            "task": result.task,
            "measure": name,
            "share": seen.share,
            "95% low": seen.low,
            "95% high": seen.high,
            "grader": grader,
        }
        for grader, score in _by_grader(result).items()
        for name, seen in score.proportions().items()
    ]


def _part_row(part: Part) -> Row:
    accuracy = part.accuracy
    return {
        "task": part.task,
        "by": part.by,
        "value": part.value,
        "model": part.label,
        "n": part.n,
        "accuracy": accuracy.share,
        "95% low": accuracy.low,
        "95% high": accuracy.high,
    }


def _sample_rows(items: Sequence[Item]) -> list[Row]:
    shown = first_of_each(items, lambda item: (item.label, item.task), SHOWN)
    columns = ("label", "task", "question", "completion", "answer", "gold", "outcome")
    return [{column: getattr(item, column) for column in columns} for item in shown]
