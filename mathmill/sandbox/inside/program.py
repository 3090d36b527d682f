"""Running a program as Python runs a script, in a process that is there for it alone."""

import atexit
import json
import os
import sys
import threading
import traceback
import types
from typing import NoReturn

FILE_NAME = "<program>"
OUT_OF_MEMORY = 99
"""Exit status of a program that ended in a MemoryError."""
SEED = 0
_exit = os._exit


def wait_and_execute() -> NoReturn:
    """Read a program from standard input, run it as `__main__` and exit.

    Standard input is a JSON object: `source`, and `call`, null or a function of the program whose return value is
    printed at the end. If there is nothing, there is no supervisor any more.
    """
    status = 1
    try:
        _start_afresh()
        if request := sys.stdin.read():
            status = _run(**json.loads(request))
        threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - what the interpreter itself waits for
        atexit._run_exitfuncs()  # noqa: SLF001 - the program's own; an interpreter's whole end takes 100 ms
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        _exit(status)


def _start_afresh() -> None:
    """Nothing of the fork server's shows: not its arguments, exit functions or random state."""
    atexit._clear()  # noqa: SLF001 - there is no public way
    sys.argv = [FILE_NAME]
    # A program draws the same numbers every time, so that a run can be repeated.
    for name in ("random", "numpy.random"):
        if name in sys.modules:
            sys.modules[name].seed(SEED)


def _run(source: str, call: str | None) -> int:
    """The exit status that the program ends with."""
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    try:
        exec(compile(source, FILE_NAME, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - what we are for
        if call is not None:
            print(module.__dict__[call]() if call in module.__dict__ else _missing(call))
    except SystemExit as ending:
        return _exit_status(ending.code)
    except MemoryError:
        _tell()
        return OUT_OF_MEMORY
    except BaseException:  # noqa: BLE001 - whatever a program raises is its own affair
        _tell()
        return 1
    return 0


def _missing(call: str) -> NoReturn:
    raise NameError(f"name '{call}' is not defined")


def _exit_status(code: object) -> int:
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)
    return 1


def _tell() -> None:
    """Print the traceback, without our own frames."""
    kind, error, frames = sys.exc_info()
    while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
        frames = frames.tb_next
    traceback.print_exception(kind, error, frames)
