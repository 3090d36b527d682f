"""Finding and ending processes of our own, and never another's that took over a process id."""

import os
import signal
import time
from collections.abc import Collection, Iterable, Iterator

import psutil

POLL_SECONDS = 0.05


def processes_with(variable: str, value: str) -> list[psutil.Process]:
    """The live processes in whose environment `variable` was `value` when they started."""
    return [process for process in _processes() if _has(process, variable, value)]


def in_sessions(sessions: Collection[int]) -> list[psutil.Process]:
    """The live processes of the sessions that the processes of these ids lead or have led."""
    return [process for process in _processes() if _session(process.pid) in sessions and alive(process)]


def end_processes(processes: Iterable[psutil.Process], *, grace: float, leaders: Iterable[psutil.Process] = ()) -> None:
    """Ask the `leaders` (default: all) to end, and after `grace` seconds kill what is left of `processes`."""
    everyone = list(processes)
    for process in list(leaders) or everyone:
        send(process, signal.SIGTERM)
    for process in wait_for(everyone, grace):
        send(process, signal.SIGKILL)
    wait_for(everyone, grace)


def wait_for(processes: Iterable[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Those of `processes` that still run after at most `seconds`."""
    deadline = time.monotonic() + seconds
    left = [process for process in processes if alive(process)]
    while left and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        left = [process for process in left if alive(process)]
    return left


def alive(process: psutil.Process) -> bool:
    """Whether the very process runs still; a zombie does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def send(process: psutil.Process, number: signal.Signals) -> None:
    """Signal the very process, if it is still there."""
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


def _processes() -> Iterator[psutil.Process]:
    psutil.process_iter.cache_clear()  # it would give gone processes for those that have taken over their ids
    return psutil.process_iter()


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def _has(process: psutil.Process, variable: str, value: str) -> bool:
    if process.pid == os.getpid():
        return False
    try:
        return process.environ().get(variable) == value and alive(process)
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return False
