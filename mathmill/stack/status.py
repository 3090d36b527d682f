"""`mathmill status`: say which services run, and where."""

import sys
from collections.abc import Sequence

import psutil

from mathmill.errors import UserError
from mathmill.home import home
from mathmill.job import CommandParser, exit_code
from mathmill.stack.services import Stack, read_stack, stack_processes
from mathmill.stack.settings import USER, logs_folder, password


def print_status(stack: Stack) -> None:
    """Print each service with its memory, and where to look."""
    for service in stack.services:
        process = service.process()
        if process is None:
            print(f"  {service.name:<14} gone: see {logs_folder() / (service.name + '.log')}")
        else:
            family = [process, *process.children(recursive=True)]
            print(f"  {service.name:<14} runs as {service.pid}, {memory(family) / 2**20:,.0f} MiB")
    print(f"  {'together':<14} {memory(stack_processes()) / 2**20:,.0f} MiB, jobs included")
    print(f"Airflow  {stack.ports.airflow_url}   user {USER}, password {password()}")
    print(f"MLflow   {stack.ports.mlflow_url}")
    print(f"home     {home()}")


def memory(processes: Sequence[psutil.Process]) -> int:
    """Bytes of memory that `processes` hold, what they share counted once for each (resident set size)."""
    total = 0
    for process in processes:
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see `--help`."""
    parser = CommandParser(prog="mathmill status", description=__doc__, allow_abbrev=False)
    parser.parse_args(argv)

    def show() -> None:
        stack = read_stack()
        if stack is None:
            raise UserError(f"nothing runs in {home()}: start it with `mathmill up`")
        print_status(stack)
        if stack.missing():
            raise UserError(f"{', '.join(stack.missing())} ended: start again with `mathmill up`")

    return exit_code(show)


if __name__ == "__main__":
    sys.exit(main())
