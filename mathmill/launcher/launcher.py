"""What every launcher does, wherever its jobs run.

A job is named by a key that its owner can work out again, so that one who comes back after a crash finds the
job it started. A key has at most one live attempt; another one begins only after the last ended without success.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class SchedulerUnreachableError(Exception):
    """The scheduler does not answer, which says nothing of the jobs."""


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    """Waits for a scheduler to start it, for the first time or again."""
    RUNNING = "running"
    ENDED = "ended"
    LOST = "lost"
    """Its processes are gone and nobody wrote down how they ended."""


@dataclass(frozen=True, slots=True)
class Resources:
    """What a job is given."""

    nodes: int = 1
    tasks: int = 1
    """How often its command runs at the same time on each node."""
    gpus: int = 0
    """On each node."""


@dataclass(frozen=True, slots=True)
class JobSpec:
    """What to run."""

    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    """Variables added to the launcher's own environment."""
    resources: Resources = field(default_factory=Resources)


@dataclass(frozen=True, slots=True)
class JobStatus:
    """How a job does."""

    state: JobState
    exit_code: int | None = None
    """Of an ended job; 128 + signal number after a signal."""
    reason: str = field(default="", compare=False)
    """Why it waits or was lost."""

    @property
    def live(self) -> bool:
        """Whether the job runs or will run."""
        return self.state in (JobState.QUEUED, JobState.RUNNING)

    @property
    def succeeded(self) -> bool:
        """Whether the job ended with exit code 0."""
        return self.exit_code == 0


@dataclass(frozen=True, slots=True)
class MlflowRun:
    """Where a job logs its figures."""

    run_id: str
    experiment_id: str


class Launcher(Protocol):
    """Starts jobs, finds them again, and ends them.

    Every method but `mlflow_run` may raise `SchedulerUnreachableError`, and may then be called again.
    """

    def submit(self, spec: JobSpec, key: str) -> None:
        """Start `spec` under `key`, unless its last attempt is live or succeeded.

        Raises:
            UserError: this launcher cannot give what the job asks for.
        """

    def find(self, key: str) -> JobStatus | None:
        """How the last attempt of `key` does; None when none was ever submitted."""

    def cancel(self, key: str) -> None:
        """End every process of `key`, by request first and by force after a grace period. Ended jobs are left be."""

    def read_log(self, key: str, offset: int) -> tuple[str, int]:
        """The whole lines the last attempt has written from byte `offset` on, and the offset after them."""

    def mlflow_run(self, key: str) -> MlflowRun | None:
        """The MLflow run of the last attempt of `key`; None before it has one."""
