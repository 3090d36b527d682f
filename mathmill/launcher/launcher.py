"""What every launcher does, wherever its jobs run.

A job is named by a key that its owner can work out again, so that one who comes back after a crash finds the
job it started. A key has at most one live attempt; another one begins only after the last ended without success.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class JobState(StrEnum):
    """Where a job stands."""

    RUNNING = "running"
    ENDED = "ended"
    LOST = "lost"
    """Its processes are gone and nobody wrote down how they ended."""


@dataclass(frozen=True, slots=True)
class JobSpec:
    """What to run."""

    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    """Variables added to the launcher's own environment."""


@dataclass(frozen=True, slots=True)
class JobStatus:
    """How a job does."""

    state: JobState
    exit_code: int | None = None
    """Of an ended job; 128 + signal number after a signal."""

    @property
    def succeeded(self) -> bool:
        """Whether the job ended with exit code 0."""
        return self.exit_code == 0


class Launcher(Protocol):
    """Starts jobs, finds them again, and ends them."""

    def submit(self, spec: JobSpec, key: str) -> None:
        """Start `spec` under `key`, unless its last attempt still runs or succeeded."""

    def find(self, key: str) -> JobStatus | None:
        """How the last attempt of `key` does; None when there never was one."""

    def cancel(self, key: str) -> None:
        """End every process of `key`, by request first and by force after a grace period. Ended jobs are left be."""

    def read_log(self, key: str, offset: int) -> tuple[str, int]:
        """The whole lines the last attempt has written from byte `offset` on, and the offset after them."""
