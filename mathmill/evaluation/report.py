"""What an evaluation shows in MLflow."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mathmill.evaluation.results import Item, Result
from mathmill.job import Figures, Job

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 20
"""Completions of each model and task in the table of samples; all are in `items.parquet`."""


def log_report(job: Job, results: Sequence[Result], items: Sequence[Item]) -> Figures:
    """Log figures, the plot of accuracies and some completions; return the figures of the job."""
    job.run.log_table(_accuracy_table(results), "accuracy.json")
    if any(result.score.samples > 1 for result in results):
        job.run.log_table(_several_table(results), "several_samples.json")
    job.run.log_table(_sample_table(items), "samples.json")
    job.run.log_figure(accuracy_figure(results), "accuracy.png")
    return figures(results)


def figures(results: Sequence[Result]) -> dict[str, float]:
    """The metrics, each named `<what>/<label>/<task>`; accuracies first."""
    metrics: dict[str, float] = {}
    for result in results:
        place = f"{result.label}/{result.task}"
        metrics[f"accuracy/{place}"] = result.score.accuracy
        metrics[f"accuracy_low/{place}"] = result.score.low
        metrics[f"accuracy_high/{place}"] = result.score.high
        for name, seen in result.score.proportions().items():
            metrics |= {
                f"{name}/{place}": seen.share,
                f"{name}_low/{place}": seen.low,
                f"{name}_high/{place}": seen.high,
            }
        metrics[f"questions/{place}"] = result.score.n
        metrics[f"cut/{place}"] = result.cut
        for outcome in ("missing", "unparsable", "timed_out", "failed"):
            metrics[f"{outcome}/{place}"] = result.outcomes[outcome]
    return metrics


def accuracy_figure(results: Sequence[Result]) -> "Figure":
    """Bars of accuracy with Wilson's 95% intervals, grouped by task, one colour a model."""
    from matplotlib.figure import Figure

    tasks = list(dict.fromkeys(result.task for result in results))
    labels = list(dict.fromkeys(result.label for result in results))
    figure = Figure(figsize=(2.0 + 1.2 * len(tasks) * max(2, len(labels)) / 2, 4.0), layout="constrained")
    axes = figure.add_subplot()
    width = 0.8 / len(labels)
    for position, label in enumerate(labels):
        mine = [result for result in results if result.label == label]
        places = [tasks.index(result.task) + (position - (len(labels) - 1) / 2) * width for result in mine]
        scores = [result.score for result in mine]
        heights = [100 * score.accuracy for score in scores]
        errors = [
            [100 * (score.accuracy - score.low) for score in scores],
            [100 * (score.high - score.accuracy) for score in scores],
        ]
        axes.bar(places, heights, width * 0.9, yerr=errors, capsize=3, label=label)
        for place, one in zip(places, scores, strict=True):
            axes.text(place, 100 * one.high + 1, f"{100 * one.accuracy:.1f}", ha="center")
    sizes = {result.task: result.score.n for result in results}
    axes.set_xticks(range(len(tasks)), [f"{task}\nn = {sizes[task]}" for task in tasks])
    axes.set_ylim(0, 106)
    axes.set_ylabel("accuracy, % (bars: 95% interval)")
    figure.legend(loc="outside upper center", ncols=len(labels))
    return figure


def _accuracy_table(results: Sequence[Result]) -> dict[str, list[object]]:
    return {
        "model": [result.label for result in results],
        "task": [result.task for result in results],
        "n": [result.score.n for result in results],
        "accuracy": [round(result.score.accuracy, 4) for result in results],
        "95% low": [round(result.score.low, 4) for result in results],
        "95% high": [round(result.score.high, 4) for result in results],
        "folder": [result.model for result in results],
    }


def _several_table(results: Sequence[Result]) -> dict[str, list[object]]:
    """What several samples of a question give together, a row for each model, task and way to choose."""
    rows = [
        (result.label, result.task, name, seen.share, seen.low, seen.high)
        for result in results
        for name, seen in result.score.proportions().items()
    ]
    columns = ("model", "task", "measure", "share", "95% low", "95% high")
    return {
        name: [round(cell, 4) if isinstance(cell, float) else cell for cell in column]
        for name, column in zip(columns, zip(*rows, strict=True), strict=True)
    }


def _sample_table(items: Sequence[Item]) -> dict[str, list[object]]:
    count: dict[tuple[str, str], int] = {}
    shown = []
    for item in items:
        place = (item.label, item.task)
        count[place] = count.get(place, 0) + 1
        if count[place] <= SHOWN:
            shown.append(item)
    columns = ("label", "task", "question", "completion", "answer", "gold", "outcome")
    return {column: [getattr(item, column) for item in shown] for column in columns}
