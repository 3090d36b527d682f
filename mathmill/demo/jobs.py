"""What the launcher's folders tell of the jobs of a DAG run."""

import json
from dataclasses import dataclass
from pathlib import Path

from mathmill.home import home
from mathmill.launcher import wrapper

TAIL_BYTES = 4096
JAVA_REMARK = "WARNING: "
"""Begins what a starting JVM says, whatever the job."""


@dataclass(frozen=True, slots=True)
class JobTimes:
    """One attempt at a job."""

    folder: Path
    dag_run_id: str
    task_id: str
    started: float
    """Seconds since the epoch, as `ended`."""
    ended: float | None

    def last_lines(self, count: int) -> list[str]:
        """The newest lines of its log that are not empty; of a progress bar its newest state."""
        path = self.folder / wrapper.LOG
        if not path.is_file():
            return []  # submitted a moment ago
        with path.open("rb") as log:
            log.seek(max(0, log.seek(0, 2) - TAIL_BYTES))
            lines = log.read().decode("utf-8", errors="replace").replace("\r", "\n").split("\n")
        return [line for line in lines if line.strip()][-count:]

    def news(self) -> str:
        """The newest line that the job itself wrote; empty before it wrote one."""
        (line,) = self.last_lines(1) or [""]
        return "" if line.startswith(JAVA_REMARK) else line.strip()


def jobs_since(moment: float) -> list[JobTimes]:
    """The attempts that started at `moment` or later, in order."""
    found = []
    for record in (home() / "jobs").glob(f"*/*/{wrapper.SUBMITTED}"):
        started = record.stat().st_mtime
        if started < moment:
            continue
        folder = record.parent
        ours = json.loads((folder / wrapper.SPEC).read_text(encoding="utf-8"))["environment"]
        code = folder / wrapper.EXIT_CODE
        ended = code.stat().st_mtime if code.is_file() else None
        found.append(JobTimes(folder, ours["AIRFLOW_CTX_DAG_RUN_ID"], ours["AIRFLOW_CTX_TASK_ID"], started, ended))
    return sorted(found, key=lambda job: job.started)


def busy_seconds(jobs: list[JobTimes]) -> float:
    """How long at least one of the ended `jobs` ran."""
    total, until = 0.0, 0.0
    for job in jobs:
        if job.ended is not None and job.ended > until:
            total += job.ended - max(job.started, until)
            until = job.ended
    return total
