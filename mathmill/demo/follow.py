"""Watching the chain of DAG runs: a line for each task as it ends, and one that says what runs now."""

import logging
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mathmill.demo.jobs import JobTimes, jobs_since
from mathmill.stack.airflow_api import AirflowApi, DagRun, TaskInstance

log = logging.getLogger("mathmill")

POLL_SECONDS = 1.0
NEWS_SECONDS = 15.0
"""Between two lines about the same running task, where there is no terminal."""
PATIENCE_SECONDS = 60.0
"""For the scheduler to start a DAG whose input is there."""
ENDED = ("success", "failed", "upstream_failed", "skipped", "removed")
LOG_LINES = 12
SHOWN_FIGURES = 6


@dataclass(slots=True)
class _Screen:
    """A terminal's last line is rewritten; elsewhere every line stays."""

    live: bool = field(default_factory=sys.stderr.isatty)
    _shown: str = ""
    _news_at: float = 0.0

    def line(self, text: str) -> None:
        """Show a line that stays."""
        self.clear()
        print(text, file=sys.stderr, flush=True)

    def now(self, text: str) -> None:
        """Show what happens now."""
        if self.live:
            self._shown = text[: shutil.get_terminal_size().columns - 1]
            print(f"\r\x1b[K{self._shown}", end="", file=sys.stderr, flush=True)
        elif time.monotonic() - self._news_at > NEWS_SECONDS:
            self._news_at = time.monotonic()
            print(text, file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Take away what `now` showed."""
        if self.live and self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        self._shown = ""
        self._news_at = time.monotonic()


def follow_chain(
    airflow: AirflowApi, first: DagRun, dag_ids: Sequence[str], started: Callable[[DagRun], None]
) -> list[DagRun]:
    """Watch `first` and the run of each of the other DAGs that the one before it starts, until one fails.

    Args:
        airflow: where they run.
        first: the run of the first DAG.
        dag_ids: all DAGs of the chain, in order.
        started: called with each run when it is known.

    Returns:
        The runs as they ended; fewer than the DAGs when one failed or was never started.
    """
    runs: list[DagRun] = []
    screen = _Screen()
    for dag_id in dag_ids:
        run = first if not runs else _next_run(airflow, dag_id, runs[-1], screen)
        if run is None:
            screen.line(f"{dag_id} was not started by the output of {runs[-1].dag_id}: see the scheduler's log")
            break
        started(run)
        screen.line(f"\n{dag_id:<28} {airflow.run_url(run)}")
        runs.append(_follow_run(airflow, run, screen))
        if runs[-1].state == "failed":
            break
    return runs


def _next_run(airflow: AirflowApi, dag_id: str, source: DagRun, screen: _Screen) -> DagRun | None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        run = airflow.run_started_by(dag_id, source)
        if run is not None:
            return run
        screen.now(f"  waiting for {dag_id}")
        time.sleep(POLL_SECONDS)
    return None


def _follow_run(airflow: AirflowApi, run: DagRun, screen: _Screen) -> DagRun:
    reported: set[str] = set()
    began = time.time()
    while True:
        run = airflow.refresh(run)
        for task in airflow.tasks(run):
            if task.state in ENDED and task.task_id not in reported:
                reported.add(task.task_id)
                for line in _report(airflow, run, task, began):
                    screen.line(line)
        if run.finished:
            screen.clear()
            return run
        for line in _running(run, began):
            screen.now(line)
        time.sleep(POLL_SECONDS)


def _report(airflow: AirflowApi, run: DagRun, task: TaskInstance, began: float) -> Iterator[str]:
    """What there is to say of an ended task; nothing of one that was skipped."""
    if task.state == "success":
        yield f"  {task.task_id:<26} {task.seconds:6.1f} s  {_figures(airflow.result(run, task.task_id))}".rstrip()
    elif task.state == "failed":
        jobs = [job for job in _jobs(run, began) if job.task_id == task.task_id]
        lines = jobs[-1].last_lines(LOG_LINES) if jobs else airflow.log(run, task)[-LOG_LINES:]
        yield f"  {task.task_id:<26} FAILED after {task.seconds:.1f} s; the end of its log:"
        yield from (f"    | {line}" for line in lines)


def _figures(result: Any) -> str:
    if not isinstance(result, Mapping):
        return ""
    hidden = ("path", "seconds", "mlflow_run_id")
    numbers = {name: value for name, value in result.items() if name not in hidden and isinstance(value, int | float)}
    accuracies = {name: value for name, value in numbers.items() if name.startswith("accuracy/")}
    shown = [
        f"{name} {value:,}" if isinstance(value, int) else f"{name} {value:.4g}"
        for name, value in (accuracies or numbers).items()
    ]
    return ", ".join(shown[:SHOWN_FIGURES])


def _running(run: DagRun, began: float) -> Iterator[str]:
    for job in _jobs(run, began):
        if job.ended is None:
            yield f"  {job.task_id:<26} {time.time() - job.started:6.0f} s …  {job.news()}"


def _jobs(run: DagRun, began: float) -> list[JobTimes]:
    return [job for job in jobs_since(began - NEWS_SECONDS) if job.dag_run_id == run.run_id]
