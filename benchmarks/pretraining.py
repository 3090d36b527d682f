"""The speed of pretraining beside Hugging Face's `Trainer` and beside a bare PyTorch loop.

All three train the same random LLaMA on the same documents in one process on one thread, the first two under the same
DeepSpeed configuration (ZeRO-1, float32). Rates are tokens a CPU second, so that they hold on a busy machine; each
run's is the median of its steps, and what is told is the median of runs that take turns. Prints a table and the
entries of docs/benchmarks; with --json they go to a file, in the place of earlier ones of the same names.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from side_by_side.entries import Entry, bring_up_to_date, table
from side_by_side.peer import peer_python
from side_by_side.usage import busyness

from mathmill.job import CommandParser, exit_code

PROGRAM = Path(__file__).parent / "side_by_side" / "pretraining_programs.py"
PEER = Path(__file__).parent / "side_by_side" / "trl.txt"
GOALS = {"trainer": 1.15, "bare": 0.97}
STALL_GOAL_PERCENT = 1.0


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point."""
    parser = CommandParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=["6M", "43M"], help="default: %(default)s")
    parser.add_argument("--runs", type=int, default=5, help="medians are of so many")
    parser.add_argument("--steps", type=int, default=6, help="of a run, after the first ones")
    parser.add_argument("--work", type=Path, default=Path(".mathmill/benchmarks/pretraining"))
    parser.add_argument("--peer-python", type=Path, help="an interpreter that has accelerate and what we have")
    parser.add_argument("--json", type=Path, help="a list of entries to bring up to date")
    arguments = parser.parse_args(argv)
    return exit_code(lambda: run(arguments))


def run(arguments: argparse.Namespace) -> None:
    """Measure, print, and keep what was asked for."""
    peer = arguments.peer_python or peer_python(arguments.work / "trl", PEER, sees_ours=True)
    entries: list[Entry] = []
    for size in arguments.sizes:
        found: dict[str, list[dict[str, float]]] = {"ours": [], "trainer": [], "bare": []}
        for _ in range(arguments.runs):
            for loop, runs in found.items():
                runs.append(_measure(loop, size, arguments.steps, arguments.work / "run", peer))
        entries += _entries(size, found, arguments.runs, arguments.steps)
        print(table(entries), file=sys.stderr)
        if arguments.json:
            bring_up_to_date(arguments.json, entries)
    print(json.dumps([entry.as_json() for entry in entries], indent=2))


def _measure(loop: str, size: str, steps: int, work: Path, peer: Path) -> dict[str, float]:
    """Tokens a CPU second of one run, and the percentage of its time that it waited for data."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    command = [str(peer), str(PROGRAM), loop, size, "--steps", str(steps), "--threads", "1", "--work", str(work)]
    environment = {"DS_ACCELERATOR": "cpu", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(PROGRAM.parents[2])}
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stderr[-3000:]}")
    told = json.loads(done.stdout.splitlines()[-1])
    rate = told["tokens"] / statistics.median(told["cpu"])
    stall = 100 * statistics.mean(told["stall"]) if told["stall"] else 0.0
    print(f"{loop:8} {size:4} {rate:8.0f} tokens a CPU second", file=sys.stderr, flush=True)
    return {"rate": rate, "stall": stall, "tokens": told["tokens"]}


def _entries(size: str, found: Mapping[str, Sequence[Mapping[str, float]]], runs: int, steps: int) -> list[Entry]:
    tokens = found["ours"][0]["tokens"]
    rates = {loop: statistics.median(run["rate"] for run in several) for loop, several in found.items()}
    versions = {"trainer": f"transformers {version('transformers')}", "bare": f"torch {version('torch')}"}
    entries = [
        Entry(
            name=f"pretraining of {size} parameters, beside {peer}",
            ours=round(rates["ours"], 1),
            peer=round(rates[peer], 1),
            peer_version=versions[peer],
            unit="tokens a CPU second",
            goal=goal,
            runs=runs,
            busy=busyness(),
            ratio=round(rates["ours"] / rates[peer], 3),
            note=f"of each run the median of {steps} steps of {tokens} tokens",
        )
        for peer, goal in GOALS.items()
    ]
    stall = statistics.median(run["stall"] for run in found["ours"])
    waiting = Entry(
        name=f"pretraining of {size} parameters, time waited for data",
        ours=round(stall, 4),
        peer=STALL_GOAL_PERCENT,
        peer_version="the goal",
        unit="% of a step",
        goal=1.0,
        runs=runs,
        busy=busyness(),
        ratio=round(STALL_GOAL_PERCENT / max(stall, 1e-4), 1),
    )
    return [*entries, waiting]


if __name__ == "__main__":
    sys.exit(main())
