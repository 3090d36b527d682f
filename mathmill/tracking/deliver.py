"""Tell MLflow what it could not be told when jobs ended, for it did not answer."""

import argparse
import logging
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from mathmill.errors import UserError
from mathmill.home import home
from mathmill.job import CommandParser, exit_code
from mathmill.output import is_finished
from mathmill.tracking.journal_run import open_journal
from mathmill.tracking.server import shown_uri, tracking_client
from mathmill.tracking.task_run import JOURNALS

log = logging.getLogger("mathmill")

SECONDS = 60.0
"""How long MLflow may stay away."""


def deliver(outputs: Sequence[Path]) -> int:
    """Tell all that finished outputs hold; the number of runs that were told something.

    Raises:
        UserError: MLflow does not answer.
    """
    client, count = tracking_client(), 0
    for output in outputs:
        for folder in sorted((output / JOURNALS).glob("*/")):
            journal, teller = open_journal(folder, client)
            told = journal.wait(SECONDS)
            journal.close(keep=False)
            if not told:
                raise UserError(
                    f"MLflow at {shown_uri()} does not answer: start it with `mathmill up`, or set MLFLOW_TRACKING_URI"
                )
            with suppress(OSError):  # it holds another one
                (output / JOURNALS).rmdir()
            log.info("%s: run %s is told", output, teller.run.run_id)
            count += 1
    return count


def waiting_outputs() -> list[Path]:
    """The finished outputs in the home that hold something."""
    found = (home() / "outputs").glob(f"**/{JOURNALS}")
    return sorted(path.parent for path in found if is_finished(path.parent))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see `--help`."""
    parser = CommandParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument(
        "outputs", nargs="*", type=Path, metavar="DIR", help="finished outputs (default: all in the home)"
    )
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)

    def run() -> None:
        count = deliver([path.resolve() for path in arguments.outputs] or waiting_outputs())
        print(f"{count} runs had something to be told", file=sys.stderr)

    return exit_code(run)


if __name__ == "__main__":
    sys.exit(main())
