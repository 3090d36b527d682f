"""What lm-evaluation-harness found, as files and in MLflow."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mathmill.evaluation.models import EvaluatedModel
from mathmill.evaluation.shown import first_of_each
from mathmill.job import Figures, Job
from mathmill.output import write_parquet, write_records

MEASURES = "measures.json"
SAMPLES = "samples.parquet"
SHOWN = 20
"""Answers of each model and task in MLflow's table of samples; all are in `samples.parquet`."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One metric of one model on one task; `measures.json` is a list of these."""

    model: str
    """The model's folder."""
    label: str
    task: str
    """Or a group of tasks, over which the harness takes the mean."""
    metric: str
    filter: str
    """What the harness made of the answers before; `none` for nothing."""
    value: float
    stderr: float | None
    """The harness's standard error; None where it has none, as of a single question."""
    n: int | None
    """Questions; None of a group."""
    shots: int | None
    """Solved examples before each question; None of a group."""

    @property
    def name(self) -> str:
        """Of the metric, with the filter's where there is one."""
        return self.metric if self.filter == "none" else f"{self.metric}.{self.filter}"


@dataclass(frozen=True, slots=True)
class Sample:
    """What a model said to one question; a row of `samples.parquet`."""

    model: str
    label: str
    task: str
    doc_id: int
    doc: str
    """The question's own data, as JSON."""
    filter: str
    target: str
    requests: str
    """The arguments of each request to the model, as JSON."""
    responses: str
    """Completions, or log-likelihoods in nats and whether greedy decoding gives the continuation, as JSON."""
    filtered: str
    """What the filter left of them, as JSON."""
    metrics: str
    """The question's own value of each metric, as JSON."""


def read_measures(model: EvaluatedModel, told: Mapping[str, Any]) -> list[Measure]:
    """The figures in the harness's results."""
    measures = []
    for task, values in told["results"].items():
        for key, value in values.items():
            metric, _, filtered = key.partition(",")
            if not filtered or metric.endswith("_stderr") or not isinstance(value, int | float):
                continue
            error = values.get(f"{metric}_stderr,{filtered}")
            measures.append(
                Measure(
                    model=str(model.path),
                    label=model.label,
                    task=task,
                    metric=metric,
                    filter=filtered,
                    value=float(value),
                    stderr=float(error) if isinstance(error, int | float) else None,
                    n=told["n-samples"].get(task, {}).get("effective"),
                    shots=told["n-shot"].get(task),
                )
            )
    return measures


def read_samples(model: EvaluatedModel, told: Mapping[str, Any]) -> list[Sample]:
    """The answers in the harness's results."""
    return [
        Sample(
            model=str(model.path),
            label=model.label,
            task=task,
            doc_id=row["doc_id"],
            doc=_json(row["doc"]),
            filter=row["filter"],
            target=str(row["target"]),
            requests=_json(row["arguments"]),
            responses=_json(row["resps"]),
            filtered=_json(row["filtered_resps"]),
            metrics=_json({name: row[name] for name in row["metrics"]}),
        )
        for task, rows in told["samples"].items()
        for row in rows
    ]


def write_report(directory: Path, measures: Sequence[Measure], samples: Sequence[Sample]) -> None:
    """Write both files into `directory`."""
    write_records(directory / MEASURES, measures)
    write_parquet(directory / SAMPLES, samples)


def log_report(job: Job, measures: Sequence[Measure], samples: Sequence[Sample]) -> Figures:
    """Log the table of figures and some answers; return the figures of the job, each `<metric>/<label>/<task>`."""
    columns = ("label", "task", "metric", "filter", "value", "stderr", "n", "shots")
    job.run.log_table({name: [getattr(one, name) for one in measures] for name in columns}, "harness.json")
    shown = first_of_each(samples, lambda one: (one.label, one.task), SHOWN)
    told = ("label", "task", "doc_id", "filter", "requests", "responses", "filtered", "target", "metrics")
    job.run.log_table({name: [getattr(sample, name) for sample in shown] for name in told}, "samples.json")
    figures: dict[str, float] = {}
    for one in measures:
        place = f"{one.label}/{one.task}"
        figures[f"{one.name}/{place}"] = one.value
        if one.stderr is not None:
            figures[f"{one.name}_stderr/{place}"] = one.stderr
    return figures


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
