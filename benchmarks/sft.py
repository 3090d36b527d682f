"""Instruction tuning's speed beside TRL's SFTTrainer, without its packing and with it.

Both tune one small random LLaMA on GSM8K's training set in float32, in steps of about as many tokens, with the loss on
the answers. Rates are tokens that are no padding per second of CPU time on one thread, so that they hold on a busy
machine; imports, reading and the first step do not count. Both sides run in turns.

Needs GSM8K in --data and a Python that has side_by_side/trl.txt beside this environment's packages (--peer-python;
otherwise made in the work folder). Prints a table and the entries of docs/benchmarks; with --json they go to a file,
in the place of earlier ones of the same names.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from side_by_side.entries import Entry, bring_up_to_date, table
from side_by_side.peer import peer_python
from side_by_side.tuning_inputs import prepare
from side_by_side.usage import busyness, run

from mathmill.errors import UserError
from mathmill.job import CommandParser, exit_code

HERE = Path(__file__).parent
PEER = HERE / "side_by_side" / "trl.txt"
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "PYTHONPATH": f"{HERE}:{HERE.parent}", "TOKENIZERS_PARALLELISM": "false"}
GOALS = {"without packing": 2.0, "with packing": 1.0}
"""The peer's ways, and how much faster we are to be."""
OPTIONS = {"without packing": [], "with packing": ["--packing"]}


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point."""
    parser = CommandParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="default: %(default)s")
    parser.add_argument("--work", type=Path, default=Path(".mathmill/benchmarks/sft"), help="default: %(default)s")
    parser.add_argument("--peer-python", type=Path, help="an interpreter that has TRL and what we have")
    parser.add_argument("--steps", type=int, default=3, help="optimiser steps, the first of which is not timed")
    parser.add_argument("--runs", type=int, default=5, help="medians are of so many")
    parser.add_argument("--json", type=Path, help="a list of entries to bring up to date")
    arguments = parser.parse_args(argv)
    return exit_code(lambda: measure(arguments))


def measure(arguments: argparse.Namespace) -> None:
    """Measure, print, and keep what was asked for.

    Raises:
        UserError: there is no data.
    """
    if not (arguments.data / "benchmarks/gsm8k/train.jsonl").is_file():
        raise UserError(f"--data {arguments.data}: no benchmarks/gsm8k/train.jsonl in it: give a folder that has it")
    peer = arguments.peer_python or peer_python(arguments.work / "trl", PEER, sees_ours=True)
    setting = str(prepare(arguments.data, arguments.work.resolve(), steps=arguments.steps))
    ours: list[float] = []
    theirs: dict[str, list[float]] = {way: [] for way in OPTIONS}
    for _ in range(arguments.runs):
        ours.append(_rate([sys.executable, str(HERE / "side_by_side/tuning_ours.py"), setting]))
        for way, options in OPTIONS.items():
            theirs[way].append(_rate([str(peer), str(HERE / "side_by_side/tuning_trl.py"), setting, *options]))
    ask = "from importlib.metadata import version; print('TRL', version('trl'))"
    version = run([str(peer), "-c", ask], ENVIRONMENT).output
    entries = [_entry(way, ours, rates, version) for way, rates in theirs.items()]
    print(table(entries), file=sys.stderr)
    if arguments.json:
        bring_up_to_date(arguments.json, entries)
    print(json.dumps([entry.as_json() for entry in entries], indent=2))


def _rate(command: Sequence[str]) -> float:
    """Tokens per CPU second."""
    told: dict[str, Any] = json.loads(run(command, ENVIRONMENT).output)
    print(f"{told['tokens']} tokens, {told['tokens'] / told['cpu_seconds']:.0f} tokens/CPU-s", file=sys.stderr)
    return told["tokens"] / told["cpu_seconds"]


def _entry(way: str, ours: Sequence[float], theirs: Sequence[float], version: str) -> Entry:
    return Entry(
        f"tuning a 6.8M LLaMA on GSM8K beside TRL {way}",
        ours=round(statistics.median(ours), 1),
        peer=round(statistics.median(theirs), 1),
        peer_version=version,
        unit="tokens/CPU-s",
        ratio=round(statistics.median(one / other for one, other in zip(ours, theirs, strict=True)), 2),
        goal=GOALS[way],
        runs=len(ours),
        busy=busyness(),
        note="float32, sequences of 1,024 tokens, 4 a step; tokens that are no padding",
    )


if __name__ == "__main__":
    sys.exit(main())
