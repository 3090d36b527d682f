"""CPU time and memory of a command with all the processes it starts.

Spark's Java process is nobody's child by the time it ends, and would be missing from the account: here such orphans
become this process's own children (Linux's PR_SET_CHILD_SUBREAPER), and it waits for them.
"""

import ctypes
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
SAMPLE_SECONDS = 0.2


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
    with subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        while True:
            try:
                output, errors = process.communicate(timeout=SAMPLE_SECONDS)
                break
            except subprocess.TimeoutExpired:
                _note_peaks(process.pid, peaks)
    wall = time.monotonic() - started
    _wait_for_orphans()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{errors[-3000:]}")
    used = Usage(_children_cpu() - before, wall, peaks, (output.splitlines() or [""])[-1])
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


def _wait_for_orphans() -> None:
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _note_peaks(command: int, peaks: dict[str, int]) -> None:
    for process in _descendants(os.getpid()):
        try:
            status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
        except (FileNotFoundError, ProcessLookupError):
            continue
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        if "VmHWM" not in fields:
            continue
        kind = "java" if fields["Name"] == "java" else "driver" if process == command else "worker"
        peaks[kind] = max(peaks.get(kind, 0), int(fields["VmHWM"].split()[0]) << 10)


def _descendants(root: int) -> list[int]:
    """The process ids of all descendants of a process."""
    found = []
    for tasks in Path(f"/proc/{root}/task").glob("*/children"):
        try:
            children = [int(child) for child in tasks.read_text(encoding="ascii").split()]
        except (FileNotFoundError, ProcessLookupError):
            continue
        for child in children:
            found += [child, *_descendants(child)]
    return found


if sys.platform != "linux":
    raise SystemExit("the corpus benchmark reads /proc and needs Linux")
