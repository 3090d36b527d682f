"""The strict grader on real answers: how often it is right, and how many answers it grades in a second.

Gold answers of all published files against themselves and against others of their files, models' answers against the
verdicts that their publishers give, and MATH's 5,000 gold answers against themselves, rewritten and shuffled, for
speed. A grader that has just started reads every answer for the first time. Wall time counts whatever else the machine
does; the CPU time of the grader and its workers holds on a busy machine as well. What was asked for stands as the other
side. Prints a table, every miss, and the entries of docs/benchmarks; with --json they go to a file, in the place of
earlier ones of the same names.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import psutil
from side_by_side import answers
from side_by_side.entries import Entry, asked_for, bring_up_to_date, table

from mathmill.grading.grader import Grader
from mathmill.job import CommandParser, exit_code

MATH = "math/test.jsonl"


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point."""
    parser = CommandParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with benchmarks/ and sft/ in it")
    parser.add_argument("--runs", type=int, default=3, help="rounds of each speed, of which the best counts")
    parser.add_argument("--speed-only", action="store_true", help="leave out the verdicts")
    parser.add_argument("--json", type=Path, help="a list of entries to bring up to date")
    arguments = parser.parse_args(argv)
    return exit_code(lambda: measure(arguments))


def measure(arguments: argparse.Namespace) -> None:
    """Measure, print, and keep what was asked for, each figure as soon as it is found."""
    found = []
    for entry in _entries(arguments):
        found.append(entry)
        if arguments.json:
            bring_up_to_date(arguments.json, [entry])
    print(table(found), file=sys.stderr)
    print(json.dumps([entry.as_json() for entry in found], indent=2))


def _entries(arguments: argparse.Namespace) -> Iterator[Entry]:
    golds = answers.gold_answers(arguments.data / "benchmarks")
    yield from speeds(list(golds[MATH].values()), arguments.runs)
    if not arguments.speed_only:
        with Grader() as grader:
            yield own(grader, golds)
            for name, judged in _published(arguments.data / "sft"):
                yield agreement(grader, name, judged)
            yield others(grader, golds)


def _published(sft: Path) -> list[tuple[str, list[answers.Judged]]]:
    return [
        ("OpenAI's example solutions of GSM8K", list(answers.openai_solutions(sft))),
        ("MathCoder-CL-34b's solutions of GSM8K", list(answers.mathcoder_solutions(sft))),
    ]


def own(grader: Grader, golds: dict[str, dict[str, str]]) -> Entry:
    """How many gold answers are right against themselves, in the box of a solution."""
    places = [(f"{name}{place}", gold) for name, file in golds.items() for place, gold in file.items() if gold]
    verdicts = grader.grade([f"So it is $\\boxed{{{gold}}}$." for _, gold in places], [gold for _, gold in places])
    misses = [place for place, verdict in zip(places, verdicts, strict=True) if not verdict.right]
    empty = [f"{name}{place}" for name, file in golds.items() for place, gold in file.items() if not gold]
    _list("not right against itself", misses)
    _list("without an answer", empty)
    share = 100 * (1 - len(misses) / len(places))
    note = f"{len(places)} answers of {len(golds)} files; {len(empty)} rows have none"
    return _asked("gold answers right against themselves", share, 100.0, "%", share / 100, note)


def others(grader: Grader, golds: dict[str, dict[str, str]]) -> Entry:
    """How many gold answers are right against others of their file."""
    pairs = []
    for file in golds.values():
        right = [gold for gold in file.values() if gold]
        moved = zip(answers.deranged(right, seed=0), right, strict=True)
        pairs += [(answer, gold) for answer, gold in moved if answer != gold]
    verdicts = grader.judge([answer for answer, _ in pairs], [gold for _, gold in pairs])
    hits = [pair for pair, verdict in zip(pairs, verdicts, strict=True) if verdict.right]
    _list("right against another", hits)
    share = 100 * len(hits) / len(pairs)
    note = f"{len(hits)} of {len(pairs)} pairs that are written differently, true equals among them"
    return _asked("gold answers right against others of their file", share, 2.0, "%", 2.0 / max(share, 1e-3), note)


def agreement(grader: Grader, name: str, judged: list[answers.Judged]) -> Entry:
    """How many verdicts are those of the publisher."""
    verdicts = grader.judge([one.answer for one in judged], [one.gold for one in judged])
    apart = [one for one, verdict in zip(judged, verdicts, strict=True) if verdict.right != one.right]
    _list(f"judged differently: {name}", apart)
    share = 100 * (1 - len(apart) / len(judged))
    return _asked(
        f"agreement: {name}", share, 99.0, "%", share / 99, f"{len(apart)} of {len(judged)} judged differently"
    )


def speeds(golds: list[str], runs: int) -> Iterator[Entry]:
    """Answers in a second, over two workers."""
    draws = random.Random(0)  # noqa: S311 -- for one order, and always the same
    shuffled = golds.copy()
    draws.shuffle(shuffled)
    work = {
        "against themselves": golds,
        "rewritten": [answers.rewritten(gold, draws) for gold in golds],
        "against shuffled ones": shuffled,
    }
    for name, texts in work.items():
        rounds = [_round(texts, golds) for _ in range(runs)]
        for kind, seconds in (
            ("", [wall for wall, _ in rounds]),
            (" by CPU time of two cores", [cpu / 2 for _, cpu in rounds]),
        ):
            rate = len(golds) / min(seconds)
            note = f"rounds of {', '.join(f'{one:.2f}' for one in seconds)} s"
            yield _asked(f"MATH's gold answers {name}{kind}", rate, 2000.0, "answers/s", rate / 2000, note, runs)


def _round(texts: list[str], golds: list[str]) -> tuple[float, float]:
    """Seconds of wall and of CPU time to grade answers with a grader that has just started."""
    with Grader() as grader:
        grader.grade(["\\boxed{0.5}"] * 2, ["\\frac{1}{2}", "\\frac{2}{4}"])
        started, used = time.perf_counter(), _cpu_so_far()
        grader.grade([f"\\boxed{{{text}}}" for text in texts], golds)
        return time.perf_counter() - started, _cpu_so_far() - used


def _cpu_so_far() -> float:
    processes = [process.cpu_times() for process in psutil.Process().children(recursive=True)]
    return time.process_time() + sum(times.user + times.system for times in processes)


def _list(what: str, found: Iterable[object]) -> None:
    for one in found:
        print(f"{what}: {one}", file=sys.stderr)


def _asked(name: str, ours: float, figure: float, unit: str, ratio: float, note: str, runs: int = 1) -> Entry:
    return asked_for(name, round(ours, 3), figure, unit, ratio=round(ratio, 3), runs=runs, note=note)


if __name__ == "__main__":
    sys.exit(main())
