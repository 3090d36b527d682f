"""The demo's closing table, read from the records that the jobs left."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from mathmill.corpus.layout import Build
from mathmill.demo.jobs import busy_seconds, jobs_since
from mathmill.evaluation.results import read_results
from mathmill.job_record import JobRecord

STAGES = {
    "base": {"first_loss": "loss, first step", "last_loss": "loss, last step"},
    "instruct": {"first_loss": "loss, first step", "last_loss": "loss, last step"},
    "reward": {"last_loss": "loss, last step", "accuracy": "held-out solutions judged right"},
    "rl": {"accuracy_first": "training accuracy, first tenth", "accuracy_last": "training accuracy, last tenth"},
}
"""Stage to the figures of its job that the table shows, with the words for them."""


class Row(NamedTuple):
    """A line of the table."""

    stage: str
    what: str
    value: str
    note: str = ""


def summary(outputs: Mapping[str, Path], began: float, seconds: float) -> str:
    """The table as text.

    Args:
        outputs: finished outputs of the chain by stage (`mathmill.home.STAGE_COMMANDS`).
        began: when the chain was started, seconds since the epoch.
        seconds: how long it ran, Airflow's share included.
    """
    outside = (seconds - busy_seconds(jobs_since(began))) / seconds
    chain = [Row("chain", "seconds", f"{seconds:.0f}"), Row("chain", "of them outside jobs", f"{outside:.0%}")]
    return "\n".join(_lines([*_rows(outputs), *chain]))


def _lines(rows: Iterable[Row]) -> Iterator[str]:
    """The rows in columns, each stage named once."""
    rows = list(rows)
    stages, whats, values = (max(len(row[column]) for row in rows) for column in range(3))
    before = ""
    for stage, what, value, note in rows:
        named = stage if stage != before else ""
        yield f"  {named:<{stages}}  {what:<{whats}}  {value:>{values}}  {note}".rstrip()
        before = stage


def _rows(outputs: Mapping[str, Path]) -> Iterator[Row]:
    if "corpus" in outputs:
        for what, value in _corpus(Build(outputs["corpus"])):
            yield Row("corpus", what, f"{value:,}")
    for stage, shown in STAGES.items():
        if stage in outputs:
            record = JobRecord.read(outputs[stage])
            for figure, words in shown.items():
                yield Row(stage, words, f"{float(record.figures[figure]):.3f}")
            yield Row(stage, "seconds", f"{record.seconds:.0f}")
    if "evaluation" in outputs:
        for result in read_results(outputs["evaluation"]):
            score = result.score
            note = f"{score.n} held-out questions, 95% interval {score.low:.1%} to {score.high:.1%}"
            yield Row("evaluation", f"accuracy of {result.label} on {result.task}", f"{score.accuracy:.1%}", note)
        yield Row("evaluation", "seconds", f"{JobRecord.read(outputs['evaluation']).seconds:.0f}")


def _corpus(build: Build) -> Iterator[tuple[str, int]]:
    def figure(output: Path, name: str) -> int:
        return int(JobRecord.read(output).figures[name])

    yield "records read", figure(build.ingested, "records")
    yield "pages among them", figure(build.ingested, "pages")
    yield "pages without duplicates", figure(build.unique, "pages")
    for number, one in enumerate(build.finished_iterations(), start=1):
        yield f"pages collected in iteration {number}", figure(one.collected, "pages")
    yield "contaminated pages removed", figure(build.decontaminated, "removed")
    yield "pages kept", figure(build.decontaminated, "pages")
    yield "training tokens", figure(build.tokens, "tokens")
    records = [JobRecord.read(file.parent) for file in build.root.glob("**/job.json")]
    yield "seconds of its jobs", round(sum(record.seconds for record in records))
