"""Small jobs, and waiting for them."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from mathmill.launcher.folder import FolderLauncher
from mathmill.launcher.launcher import JobSpec, JobState, JobStatus
from mathmill.launcher.processes import processes_with

SLEEP = "import time; time.sleep(60)"


def python(code: str, **environment: str) -> JobSpec:
    """A job of some lines of Python."""
    return JobSpec([sys.executable, "-S", "-c", code], environment)


def waiting(go: Path) -> str:
    """Code that waits until the file `go` is there."""
    return f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.02)\n"


def wait_until(true: Callable[[], object], seconds: float = 120.0) -> None:
    """Wait for what other processes bring about."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "did not come true in time"
        time.sleep(0.02)


def started_once(starts: Path) -> None:
    """See that the job which adds to the file `starts` when it starts does so once."""
    wait_until(lambda: starts.is_file() and starts.read_text())
    time.sleep(0.3)  # another one would start in it
    assert starts.read_text() == "x"


def ended(launcher: FolderLauncher, key: str, seconds: float = 120.0) -> JobStatus:
    """How the job did in the end."""
    wait_until(lambda: not launcher.find(key).live, seconds)
    return launcher.find(key)


def running(launcher: FolderLauncher, key: str) -> None:
    """Wait for the job to be on its way, with its processes."""
    wait_until(lambda: launcher.find(key).state is JobState.RUNNING and members(launcher, key))


def members(launcher: FolderLauncher, key: str) -> list[psutil.Process]:
    """The live processes of the job, without the wrapper."""
    return processes_with("MATHMILL_JOB", str(launcher.folder(key)))
