"""CPU time and memory of a command with all the processes it starts.

The system's account of a process's children would miss most of what Spark uses. Its Java process is nobody's child by
the time it ends: here such orphans become this process's own children (Linux's PR_SET_CHILD_SUBREAPER), which waits for
them. And its Python workers are never waited for, since the process that forks them ignores SIGCHLD: what they have
used is looked up several times a second, and what they use after the last look, at most a tenth of a second, is missed.
"""

import ctypes
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
SAMPLE_SECONDS = 0.1
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """What a command used."""

    cpu_seconds: float
    """User and system time of all its processes."""
    wall_seconds: float
    peaks: Mapping[str, int]
    """Greatest resident size of any one process by program, in bytes: `java`, `driver` (the command), `worker`."""
    output: str
    """The last line of its standard output."""

    def __add__(self, other: "Usage") -> "Usage":
        """What this and then the other used."""
        peaks = {name: max(self.peaks.get(name, 0), other.peaks.get(name, 0)) for name in {*self.peaks, *other.peaks}}
        seconds = (self.cpu_seconds + other.cpu_seconds, self.wall_seconds + other.wall_seconds)
        return Usage(*seconds, peaks, other.output)


def run(command: Sequence[str], environment: Mapping[str, str]) -> Usage:
    """Run a command to its end.

    Raises:
        RuntimeError: it failed; the message is the end of its standard error.
    """
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    before, started = _children_cpu(), time.monotonic()
    peaks: dict[str, int] = {}
    unwaited: dict[int, float] = {}
    with subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        while True:
            try:
                output, errors = process.communicate(timeout=SAMPLE_SECONDS)
                break
            except subprocess.TimeoutExpired:
                _look(process.pid, peaks, unwaited)
    wall = time.monotonic() - started
    _wait_for_orphans(unwaited)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{errors[-3000:]}")
    used = Usage(_children_cpu() - before + sum(unwaited.values()), wall, peaks, (output.splitlines() or [""])[-1])
    sizes = ", ".join(f"{program} {size >> 20} MiB" for program, size in sorted(peaks.items()))
    told = f"{used.cpu_seconds:7.1f} CPU s {wall:7.1f} s  {sizes}  {' '.join(command)[-100:]}"
    print(told, file=sys.stderr, flush=True)
    return used


def busyness() -> str:
    """How much else the machine has to do."""
    return f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _wait_for_orphans(unwaited: dict[int, float]) -> None:
    """Wait for what has become this process's own child, which puts it into the system's account."""
    while True:
        try:
            process, _ = os.waitpid(-1, 0)
        except ChildProcessError:
            return
        unwaited.pop(process, None)


def _look(command: int, peaks: dict[str, int], unwaited: dict[int, float]) -> None:
    """Note the peak memory by program, and the CPU seconds of each process for which nobody will wait."""
    for process, parent in _descendants(os.getpid()):
        try:
            status = _status(process)
            # Not its name: what Java starts bears the name of one of its threads, and its memory, until it is replaced.
            program = Path(f"/proc/{process}/exe").readlink().name
            if int(_status(parent)["SigIgn"], 16) >> (signal.SIGCHLD - 1) & 1:
                unwaited[process] = _cpu_seconds(process)
        except (FileNotFoundError, ProcessLookupError):
            continue
        if "VmHWM" in status:
            kind = "java" if program == "java" else "driver" if process == command else "worker"
            peaks[kind] = max(peaks.get(kind, 0), int(status["VmHWM"].split()[0]) << 10)


def _status(process: int) -> dict[str, str]:
    lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def _cpu_seconds(process: int) -> float:
    """What a process and those of its children that it waited for have used."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS


def _descendants(root: int) -> list[tuple[int, int]]:
    """The process ids of all descendants of a process, each with its parent's."""
    found = []
    for tasks in Path(f"/proc/{root}/task").glob("*/children"):
        try:
            children = [int(child) for child in tasks.read_text(encoding="ascii").split()]
        except (FileNotFoundError, ProcessLookupError):
            continue
        for child in children:
            found += [(child, root), *_descendants(child)]
    return found


if sys.platform != "linux":
    raise SystemExit("the corpus benchmark reads /proc and needs Linux")
