"""Small jobs, and waiting for them."""

import sys
import time
from collections.abc import Callable

import psutil

from mathmill.launcher.folder import FolderLauncher
from mathmill.launcher.launcher import JobSpec, JobState, JobStatus
from mathmill.launcher.processes import processes_with

SLEEP = "import time; time.sleep(60)"


def python(code: str, **environment: str) -> JobSpec:
    """A job of some lines of Python."""
    return JobSpec([sys.executable, "-S", "-c", code], environment)


def wait_until(true: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait for what other processes bring about."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "did not come true in time"
        time.sleep(0.02)


def ended(launcher: FolderLauncher, key: str) -> JobStatus:
    """How the job did in the end."""
    wait_until(lambda: not launcher.find(key).live)
    return launcher.find(key)


def running(launcher: FolderLauncher, key: str) -> None:
    """Wait for the job to be on its way, with its processes."""
    wait_until(lambda: launcher.find(key).state is JobState.RUNNING and members(launcher, key))


def members(launcher: FolderLauncher, key: str) -> list[psutil.Process]:
    """The live processes of the job, without the wrapper."""
    return processes_with("MATHMILL_JOB", str(launcher.folder(key)))
