"""`mathmill down`: stop what `mathmill up` started in this home, and the jobs that Airflow submitted."""

import sys
from collections.abc import Sequence

from mathmill.home import home
from mathmill.job import CommandParser, exit_code
from mathmill.stack.services import only_one, stop_stack


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see `--help`."""
    parser = CommandParser(prog="mathmill down", description=__doc__, allow_abbrev=False)
    parser.parse_args(argv)

    def down() -> None:
        with only_one():
            count = stop_stack()
        print(f"stopped {count} processes of {home()}" if count else f"nothing runs in {home()}", file=sys.stderr)

    return exit_code(down)


if __name__ == "__main__":
    sys.exit(main())
