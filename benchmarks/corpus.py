"""The corpus jobs' speed beside datatrove's and beside the bare loop of their own kernels, their scaling and memory.

Both sides read the same files with one core. Costs are CPU seconds of a command with all its processes, so that they
hold on a busy machine; only scaling is wall time. Each command reads an input and the same several times over: the
difference is what pages cost, the rest is start-up (Spark's, MLflow's). Ratios are told with and without start-up.

Needs crawls and benchmarks in --data and a Python with side_by_side/datatrove.txt (--peer-python; otherwise made in the
work folder). Prints a table and the entries of docs/benchmarks; with --json they go to a file, in the place of
earlier ones of the same names.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from side_by_side.decontamination import decontamination
from side_by_side.entries import Entry, bring_up_to_date, table
from side_by_side.inputs import Inputs
from side_by_side.near_duplicates import near_duplicates
from side_by_side.peer import peer_python
from side_by_side.scaling import scaling
from side_by_side.scoring import jobs, kernels

from mathmill.errors import UserError
from mathmill.job import CommandParser, exit_code

PARTS = {
    "kernels": kernels,
    "jobs": jobs,
    "near-duplicates": near_duplicates,
    "decontamination": decontamination,
    "scaling": scaling,
}
PEER = Path(__file__).parent / "side_by_side" / "datatrove.txt"


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point."""
    parser = CommandParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="default: %(default)s")
    parser.add_argument("--warcs", default="crawl_a/crawl-data/*/segments/*/warc/*.warc.gz", help="a glob in --data")
    parser.add_argument("--work", type=Path, default=Path(".mathmill/benchmarks/corpus"), help="default: %(default)s")
    parser.add_argument("--peer-python", type=Path, help="an interpreter that has datatrove")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--times", type=int, default=10, help="how often the larger input holds the smaller")
    parser.add_argument("--runs", type=int, default=3, help="medians are of so many")
    parser.add_argument("--json", type=Path, help="a list of entries to bring up to date")
    arguments = parser.parse_args(argv)
    return exit_code(lambda: run(arguments))


def run(arguments: argparse.Namespace) -> None:
    """Measure, print, and keep what was asked for.

    Raises:
        UserError: there is no data.
    """
    warcs = sorted(arguments.data.glob(arguments.warcs))
    if not warcs:
        raise UserError(f"--data {arguments.data}: no {arguments.warcs} in it: give a folder with such WARC files")
    peer = arguments.peer_python or peer_python(arguments.work / "datatrove", PEER)
    inputs = Inputs.of(arguments.data, warcs, arguments.work, peer, arguments.times)
    entries: list[Entry] = []
    for part in arguments.parts:
        entries += PARTS[part](inputs, arguments.runs)
        print(table(entries), file=sys.stderr)
        if arguments.json:
            bring_up_to_date(arguments.json, entries)
    print(json.dumps([entry.as_json() for entry in entries], indent=2))


if __name__ == "__main__":
    sys.exit(main())
