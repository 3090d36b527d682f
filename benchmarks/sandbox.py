"""What a program costs in the sandbox: warm, cold, and beside a fresh interpreter without any isolation.

Wall times of trivial programs, so that nothing but the sandbox is timed, in rounds. The figure is that of the best,
as in timeit, since whatever else the machine does can only add to it; the median of the rounds stands in the note. CPU
time, of the sandbox and its supervisor together, holds on a busy machine as well. Where the project has set a figure,
that figure stands as the other side. Prints a table and the entries of docs/benchmarks; with --json they go to a file,
in the place of earlier ones of the same names.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
from side_by_side.entries import Entry, asked_for, bring_up_to_date, table
from side_by_side.usage import busyness

from mathmill.job import CommandParser, exit_code
from mathmill.recipe_sandbox import SandboxRecipe
from mathmill.sandbox import Sandbox

PROGRAM = "print(6 * 7)"
CALLS = 50
"""In a round."""
FRESH = "import numpy, sympy\n" + PROGRAM


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point."""
    parser = CommandParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20, help="rounds, of which the best counts")
    parser.add_argument("--json", type=Path, help="a list of entries to bring up to date")
    arguments = parser.parse_args(argv)
    return exit_code(lambda: measure(arguments))


def measure(arguments: argparse.Namespace) -> None:
    """Measure, print, and keep what was asked for."""
    rounds = arguments.runs
    start_ms = [_milliseconds(lambda: _start_and_run(("numpy", "sympy"), workers=2)) for _ in range(rounds)]
    cold_ms = [_milliseconds(lambda: _start_and_run((), workers=1)) for _ in range(rounds)]
    fresh_ms = [_milliseconds(lambda: _fresh_interpreter(FRESH)) for _ in range(rounds)]
    with Sandbox(SandboxRecipe(workers=2)) as sandbox:
        _calls(sandbox)
        one_by_one = [_calls(sandbox) for _ in range(rounds)]
        per_second = [1000 * CALLS / _milliseconds(lambda: sandbox.run([PROGRAM] * CALLS)) for _ in range(rounds)]
        per_cpu_second = [CALLS / _cpu_seconds(lambda: sandbox.run([PROGRAM] * CALLS)) for _ in range(rounds)]
    warm_ms = [statistics.median(calls) for calls in one_by_one]
    entries = [
        _asked("warm call in the sandbox, median of 50", warm_ms, 5.0, "ms"),
        _asked("warm calls in two sandboxes at once", per_second, 150.0, "calls/s", more_is_better=True),
        _asked(
            "warm calls in a second of the CPU time of two cores",
            [2 * rate for rate in per_cpu_second],
            150.0,
            "calls/s",
            more_is_better=True,
        ),
        _asked("cold start of a sandbox and a program in it, without libraries", cold_ms, 50.0, "ms"),
        _beside_fresh("warm call beside a fresh interpreter", warm_ms, fresh_ms, goal=50.0),
        _beside_fresh("start of two warm sandboxes beside one fresh interpreter", start_ms, fresh_ms, goal=0.25),
    ]
    print(table(entries), file=sys.stderr)
    if arguments.json:
        bring_up_to_date(arguments.json, entries)
    print(json.dumps([entry.as_json() for entry in entries], indent=2))


def _calls(sandbox: Sandbox) -> list[float]:
    return [_milliseconds(lambda: sandbox.run([PROGRAM])) for _ in range(CALLS)]


def _start_and_run(preload: Sequence[str], *, workers: int) -> None:
    with Sandbox(SandboxRecipe(workers=workers), preload=preload) as sandbox:
        sandbox.run([PROGRAM] * workers)


def _fresh_interpreter(program: str) -> None:
    subprocess.run([sys.executable, "-c", program], stdout=subprocess.DEVNULL, check=True)


def _cpu_seconds(action: Callable[[], object]) -> float:
    """CPU time that this process and its sandboxes, with the programs that ended in them, take for an action."""
    before = _cpu_so_far()
    action()
    return _cpu_so_far() - before


def _cpu_so_far() -> float:
    sandboxes = [process.cpu_times() for process in psutil.Process().children(recursive=True)]
    return time.process_time() + sum(
        times.user + times.system + times.children_user + times.children_system for times in sandboxes
    )


def _milliseconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return 1000 * (time.perf_counter() - started)


def _asked(name: str, ours: Sequence[float], figure: float, unit: str, *, more_is_better: bool = False) -> Entry:
    best = max(ours) if more_is_better else min(ours)
    ratio = best / figure if more_is_better else figure / best
    note = f"median of the rounds {statistics.median(ours):.1f} {unit}"
    return asked_for(name, round(best, 2), figure, unit, ratio=round(ratio, 2), runs=len(ours), note=note)


def _beside_fresh(name: str, ours: Sequence[float], fresh: Sequence[float], *, goal: float) -> Entry:
    return Entry(
        name,
        ours=round(min(ours), 2),
        peer=round(min(fresh), 2),
        peer_version=f"Python {platform.python_version()} importing NumPy and SymPy, not isolated",
        unit="ms",
        ratio=round(min(fresh) / min(ours), 2),
        goal=goal,
        runs=len(ours),
        busy=busyness(),
        note=f"medians of the rounds {statistics.median(ours):.1f} and {statistics.median(fresh):.1f} ms",
    )


if __name__ == "__main__":
    sys.exit(main())
