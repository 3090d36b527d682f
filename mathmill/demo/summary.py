"""The demo's closing table, read from the records that the jobs left."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from mathmill.corpus.layout import Build
from mathmill.demo.jobs import busy_seconds, jobs_since
from mathmill.evaluation.results import read_results
from mathmill.job import JobRecord

STAGES = {
    "base": {"first_loss": "loss, first step", "last_loss": "loss, last step"},
    "instruct": {"first_loss": "loss, first step", "last_loss": "loss, last step"},
    "reward": {"last_loss": "loss, last step", "accuracy": "held-out solutions judged right"},
    "rl": {"accuracy_first": "training accuracy, first tenth", "accuracy_last": "training accuracy, last tenth"},
}
"""Stage to the figures of its job that the table shows, with the words for them."""


def summary(outputs: Mapping[str, Path], began: float, seconds: float) -> str:
    """The table as text.

    Args:
        outputs: finished outputs of the chain by stage (`mathmill.home.STAGE_COMMANDS`).
        began: when the chain was started, seconds since the epoch.
        seconds: how long it ran, Airflow's share included.
    """
    lines = [f"  {what:<46} {value}" for what, value in _rows(outputs)]
    busy = busy_seconds(jobs_since(began))
    lines.append(f"  {'seconds of the chain':<46} {seconds:.0f}, {(seconds - busy) / seconds:.0%} of them outside jobs")
    return "\n".join(lines)


def _rows(outputs: Mapping[str, Path]) -> Iterator[tuple[str, str]]:
    if "corpus" in outputs:
        yield from _corpus(Build(outputs["corpus"]))
    for stage, shown in STAGES.items():
        if stage in outputs:
            record = JobRecord.read(outputs[stage])
            for figure, words in shown.items():
                yield f"{stage}: {words}", f"{float(record.figures[figure]):.3f}"
            yield f"{stage}: seconds", f"{record.seconds:.0f}"
    if "evaluation" in outputs:
        for result in read_results(outputs["evaluation"]):
            score = result.score
            name = f"accuracy of {result.label} on {result.task}"
            yield name, f"{score.accuracy:.1%} ({score.low:.1%} to {score.high:.1%}), {score.n} questions"
        yield "evaluation: seconds", f"{JobRecord.read(outputs['evaluation']).seconds:.0f}"


def _corpus(build: Build) -> Iterator[tuple[str, str]]:
    figures = {
        path.name: JobRecord.read(path).figures
        for path in (build.ingested, build.unique, build.decontaminated, build.tokens)
    }
    ingested, unique = figures[build.ingested.name], figures[build.unique.name]
    clean, tokens = figures[build.decontaminated.name], figures[build.tokens.name]
    yield "pages in", f"{ingested['pages']:,} and {ingested['rejected']:,} rejected records"
    yield "pages without duplicates", f"{unique['pages']:,}"
    for number, one in enumerate(build.finished_iterations(), start=1):
        collected = JobRecord.read(one.collected).figures
        yield f"pages collected in iteration {number}", f"{collected['pages']:,}"
    yield "contaminated pages removed", f"{clean['removed']:,}"
    yield "pages kept", f"{clean['pages']:,}"
    yield "training tokens", f"{tokens['tokens']:,}"
    records = [JobRecord.read(file.parent) for file in sorted(build.root.glob("**/job.json"))]
    yield "corpus: seconds of its jobs", f"{sum(record.seconds for record in records):.0f}"
