"""Ending what runs in a home."""

import sys
import time
from pathlib import Path

import pytest

from mathmill.home import home
from mathmill.launcher.launcher import JobSpec
from mathmill.launcher.local import LocalLauncher
from mathmill.launcher.processes import alive
from mathmill.stack.services import Service, Stack, read_stack, stack_processes, start_service, stop_stack, write_stack
from mathmill.stack.settings import MARK, Ports

PORTS = Ports(airflow=1, mlflow=2)
SLEEP = "import time; time.sleep(600)"
STRAY = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEP!r}], start_new_session=True); {SLEEP}"
"""Starts a process that leaves its session, as a task of Airflow may."""
JOB = """
import pathlib, signal, sys, time
def last_words(*_):
    # Of a process that ended and was not waited for the command line is empty.
    alive = [bool(pathlib.Path('/proc', pid, 'cmdline').read_bytes()) for pid in sys.argv[2:]]
    pathlib.Path(sys.argv[1]).write_text(repr(alive))
    sys.exit(130)
signal.signal(signal.SIGTERM, last_words)
pathlib.Path(sys.argv[1]).touch()
time.sleep(600)
"""


def _service(name: str, script: str) -> Service:
    return start_service(name, [sys.executable, "-c", script], PORTS)


def test_airflow_ends_before_the_jobs_and_mlflow_after_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow, scheduler = _service("mlflow", SLEEP), _service("scheduler", STRAY)
    write_stack(Stack(PORTS, [mlflow, scheduler]))
    words = tmp_path / "last words"
    monkeypatch.setenv(MARK, str(home()))  # which Airflow's services have from `start_service`
    command = [sys.executable, "-c", JOB, str(words), str(mlflow.pid), str(scheduler.pid)]
    LocalLauncher(home() / "jobs").submit(JobSpec(command), "job")
    while (
        not words.is_file() or len(stack_processes()) < 7
    ):  # two services, their keepers, the stray, and the job in its wrapper
        time.sleep(0.02)
    processes = stack_processes()

    assert stop_stack() == 7
    assert words.read_text(encoding="utf-8") == "[True, False]"
    assert not any(alive(process) for process in processes)
    assert read_stack() is None


def test_where_nothing_runs_nothing_is_ended() -> None:
    assert stop_stack() == 0
