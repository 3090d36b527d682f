"""A service that dies is started again, with nothing left of its first life."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from mathmill.launcher.processes import alive, in_sessions
from mathmill.stack.keeper import KILLED_IN_A_ROW

KEEPER = "import sys; from mathmill.stack.keeper import Keeper; sys.exit(Keeper('it', sys.argv[2:], settled={}).run())"
SERVICE = """
import pathlib, subprocess, sys, time
subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"])
with open(sys.argv[1], "a") as lives:
    lives.write("x")
time.sleep(600)
"""


def _keep(settled: float, *command: str) -> subprocess.Popen[bytes]:
    code = KEEPER.format(settled)
    return subprocess.Popen(
        [sys.executable, "-c", code, "-", sys.executable, "-S", "-c", *command], start_new_session=True
    )


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_killed_service_lives_again_and_ends_when_told(tmp_path: Path) -> None:
    lives = tmp_path / "lives"
    lives.touch()
    keeper = _keep(0.1, SERVICE, str(lives))
    _until(lambda: lives.read_text() == "x" and len(in_sessions({keeper.pid})) == 3)
    time.sleep(0.2)
    (first,) = psutil.Process(keeper.pid).children()
    left_behind = first.children()
    first.kill()
    _until(lambda: lives.read_text() == "xx" and len(in_sessions({keeper.pid})) == 3)
    assert not any(map(alive, left_behind))
    keeper.terminate()
    assert keeper.wait(10) == 128 + signal.SIGTERM
    for process in in_sessions({keeper.pid}):
        process.kill()


def test_a_service_that_does_not_come_up_is_not_tried_again() -> None:
    assert _keep(60, "raise SystemExit(3)").wait(20) == 3


def test_a_service_that_is_killed_while_it_starts_lives_again(tmp_path: Path) -> None:
    lives = tmp_path / "lives"
    lives.touch()
    keeper = _keep(60, SERVICE, str(lives))
    _until(lambda: lives.read_text() == "x")
    psutil.Process(keeper.pid).children()[0].kill()
    _until(lambda: lives.read_text() == "xx")
    keeper.terminate()
    assert keeper.wait(10) == 128 + signal.SIGTERM
    for process in in_sessions({keeper.pid}):
        process.kill()


def test_a_service_that_is_killed_again_and_again_is_given_up(tmp_path: Path) -> None:
    lives = tmp_path / "lives"
    life = "import os, sys; os.write(os.open(sys.argv[1], os.O_CREAT | os.O_APPEND | os.O_WRONLY), b'x')"
    keeper = _keep(60, f"{life}; os.kill(os.getpid(), 9)", str(lives))
    assert keeper.wait(30) == 128 + signal.SIGKILL
    assert lives.read_text() == "x" * KILLED_IN_A_ROW
