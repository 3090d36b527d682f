"""A GRPO step's speed and memory beside TRL's GRPOTrainer, and beside our own PPO with its critic.

Both take steps of 8 questions x 8 completions on one small random LLaMA (256 x 6, vocabulary 4,096) in float32, with
the paper's objective (Eq. 3, beta 0.04, one update an exploration), from prompts of 48 tokens: with completions of 64
tokens each, and with completions of unequal lengths, about 66 tokens on average and at most 128. A step is drawing,
rewarding and learning; imports, reading and the first step do not count. Rates are steps per CPU second on one thread,
so that they hold on a busy machine. Both sides run in turns.

Needs a Python that has side_by_side/trl.txt beside this environment's packages (--peer-python; otherwise made in the
work folder). Prints a table and the entries of docs/benchmarks; with --json they go to a file, in the place of earlier
ones of the same names.
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
from side_by_side.reinforcement_inputs import prepare
from side_by_side.usage import busyness, run

from mathmill.job import CommandParser, exit_code

HERE = Path(__file__).parent
PEER = HERE / "side_by_side" / "trl.txt"
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "PYTHONPATH": f"{HERE}:{HERE.parent}", "TOKENIZERS_PARALLELISM": "false"}
WAYS: dict[str, dict[str, Any]] = {"uniform": {"longest": 64, "ends": 0.0}, "skewed": {"longest": 128, "ends": 1 / 42}}
GOALS = {"uniform": 2.0, "skewed": 3.0}
"""How much faster than the peer a step is to be."""


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point."""
    parser = CommandParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path(".mathmill/benchmarks/rl"), help="default: %(default)s")
    parser.add_argument("--peer-python", type=Path, help="an interpreter that has TRL and what we have")
    parser.add_argument("--steps", type=int, default=4, help="steps, the first of which is not timed")
    parser.add_argument("--runs", type=int, default=3, help="medians are of so many")
    parser.add_argument("--json", type=Path, help="a list of entries to bring up to date")
    arguments = parser.parse_args(argv)
    return exit_code(lambda: measure(arguments))


def measure(arguments: argparse.Namespace) -> None:
    """Measure, print, and keep what was asked for."""
    peer = arguments.peer_python or peer_python(arguments.work / "trl", PEER, sees_ours=True)
    ask = "from importlib.metadata import version; print('TRL', version('trl'))"
    version = run([str(peer), "-c", ask], ENVIRONMENT).output
    entries: list[Entry] = []
    for way, lengths in WAYS.items():
        setting = str(prepare(arguments.work.resolve() / way, steps=arguments.steps, threads=1, **lengths))
        own = [sys.executable, str(HERE / "side_by_side/reinforcement_ours.py"), setting]
        theirs = [str(peer), str(HERE / "side_by_side/reinforcement_trl.py"), setting]
        pairs = [(_told(own), _told(theirs)) for _ in range(arguments.runs)]
        entries += [_speed(way, pairs, version), _memory(way, pairs, version)]
        if way == "uniform":
            critics = [_told([*own, "--algorithm", "ppo"]) for _ in range(arguments.runs)]
            entries.append(_critic(list(zip([one for one, _ in pairs], critics, strict=True))))
    print(table(entries), file=sys.stderr)
    if arguments.json:
        bring_up_to_date(arguments.json, entries)
    print(json.dumps([entry.as_json() for entry in entries], indent=2))


def _told(command: Sequence[str]) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(run(command, ENVIRONMENT).output)
    print(f"{_cost(told):.2f} CPU s a step, {told['tokens']} tokens, {told['peak'] >> 20} MiB", file=sys.stderr)
    return told


def _cost(told: dict[str, Any]) -> float:
    """CPU seconds of a step."""
    return statistics.median(told["cpu_seconds"])


def _speed(way: str, pairs: Sequence[tuple[dict[str, Any], dict[str, Any]]], version: str) -> Entry:
    tokens = [f"{one['tokens']} and {other['tokens']}" for one, other in pairs]
    return Entry(
        f"a GRPO step at {way} lengths beside TRL",
        ours=round(statistics.median(1 / _cost(one) for one, _ in pairs), 3),
        peer=round(statistics.median(1 / _cost(other) for _, other in pairs), 3),
        peer_version=version,
        unit="steps/CPU-s",
        ratio=round(statistics.median(_cost(other) / _cost(one) for one, other in pairs), 2),
        goal=GOALS[way],
        runs=len(pairs),
        busy=busyness(),
        note=f"float32; tokens drawn by both: {tokens[0]}",
    )


def _memory(way: str, pairs: Sequence[tuple[dict[str, Any], dict[str, Any]]], version: str) -> Entry:
    return Entry(
        f"peak memory of GRPO at {way} lengths beside TRL",
        ours=round(statistics.median(one["peak"] for one, _ in pairs) / 2**20),
        peer=round(statistics.median(other["peak"] for _, other in pairs) / 2**20),
        peer_version=version,
        unit="MiB",
        ratio=round(statistics.median(other["peak"] / one["peak"] for one, other in pairs), 2),
        goal=1.25,
        runs=len(pairs),
        busy=busyness(),
        note="resident size of the whole process, 64 completions a forward pass on both sides",
    )


def _critic(pairs: Sequence[tuple[dict[str, Any], dict[str, Any]]]) -> Entry:
    costs = statistics.median(_cost(other) / _cost(one) for one, other in pairs)
    return Entry(
        "peak memory of GRPO beside our PPO, which has a critic",
        ours=round(statistics.median(one["peak"] for one, _ in pairs) / 2**20),
        peer=round(statistics.median(other["peak"] for _, other in pairs) / 2**20),
        peer_version="our own",
        unit="MiB",
        ratio=round(statistics.median(other["peak"] / one["peak"] for one, other in pairs), 2),
        goal=1.0,
        runs=len(pairs),
        busy=busyness(),
        note=f"a PPO step costs {costs:.2f} times one of GRPO",
    )


if __name__ == "__main__":
    sys.exit(main())
