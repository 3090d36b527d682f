"""Guards against pages that hang a process or kill it.

Input is worked on in a child process. A timer ends a page that takes too long in Python; one that hangs or crashes in
a library's C code, where no timer reaches it, is the parent's to find: it looks at a board on which the child notes the
page that it is at, ends the child, and starts another that leaves this page out. Noting a page costs microseconds.
"""

import mmap
import os
import resource
import select
import signal
import struct
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

BOARD = struct.Struct("qd")
"""The page's number, which is its offset in the file plus 1, or 0 while there is none; and when it was begun."""
HARD = 2.0
"""Times a page's seconds after which the child is ended: its own timer had its chance."""
MEMORY = 2 << 30
"""Bytes that a child may use beyond what it starts with."""
MOST_GIVEN_UP = 100
"""Pages of one input; beyond that something else is wrong."""


class PageTimeoutError(BaseException):
    """A page took too long. No library is to take it for an error of its own and go on."""


class GivenUpError(Exception):
    """An earlier child did not survive this page."""


class GuardError(Exception):
    """The child failed for another reason than a page."""


class Watch:
    """Looks after one page at a time: `with watch(offset): …`."""

    def __init__(
        self, seconds: float, board: mmap.mmap | None = None, given_up: Mapping[int, str] | None = None
    ) -> None:
        self._seconds = seconds
        self._board = board if board is not None else mmap.mmap(-1, BOARD.size)
        self._given_up = given_up or {}
        self._parent = os.getppid()
        self._offset = 0
        self._is_on = False
        signal.signal(signal.SIGALRM, self._ring)

    def __call__(self, offset: int) -> Self:
        """Look after the page at `offset` next.

        Raises:
            GivenUpError: an earlier child did not survive it; the message is `timeout` or `crash`.
        """
        if offset in self._given_up:
            raise GivenUpError(self._given_up[offset])
        self._offset = offset
        return self

    def __enter__(self) -> None:
        if os.getppid() != self._parent:
            os._exit(1)  # nobody waits for the result any more
        BOARD.pack_into(self._board, 0, self._offset + 1, time.monotonic())
        self._is_on = True
        signal.setitimer(signal.ITIMER_REAL, self._seconds)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_on = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        BOARD.pack_into(self._board, 0, 0, 0.0)

    def _ring(self, _number: int, _frame: FrameType | None) -> None:
        if self._is_on:
            raise PageTimeoutError


def guarded(work: Callable[[Watch], None], seconds: float) -> None:
    """Run `work` in a child process, again without the pages at which it hangs or dies.

    Args:
        work: must write its results whole or not at all, since it may be ended anywhere.
        seconds: for each page.

    Raises:
        GuardError: it fails for another reason; the message is the child's traceback.
    """
    given_up: dict[int, str] = {}
    board = mmap.mmap(-1, BOARD.size)
    while len(given_up) <= MOST_GIVEN_UP:
        BOARD.pack_into(board, 0, 0, 0.0)
        code, trace = _child(work, seconds, board, given_up)
        if code == 0:
            return
        number, begun = BOARD.unpack_from(board)
        if trace or not number:
            raise GuardError(trace or f"the process that read the input ended with {code}")
        given_up[number - 1] = "timeout" if time.monotonic() - begun > seconds * HARD else "crash"
    raise GuardError(f"more than {MOST_GIVEN_UP} pages hang or crash the process that reads them")


def _child(
    work: Callable[[Watch], None], seconds: float, board: mmap.mmap, given_up: Mapping[int, str]
) -> tuple[int, str]:
    """Exit code of a child that does `work`, negative for a signal, and the traceback if it raised."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _work(work, Watch(seconds, board, given_up), writing)
    os.close(writing)
    trace = b""
    # The child holds the other end of the pipe as long as it lives.
    while True:
        if select.select([reading], [], [], min(seconds, 1.0))[0]:
            part = os.read(reading, 1 << 16)
            if not part:
                break
            trace += part
            continue
        number, begun = BOARD.unpack_from(board)
        if number and time.monotonic() - begun > seconds * HARD:
            os.kill(child, signal.SIGKILL)
    os.close(reading)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), trace.decode("utf-8", "replace")


def _work(work: Callable[[Watch], None], watch: Watch, writing: int) -> None:
    """What the child does; it never returns."""
    code = 1
    try:
        _limit_memory()
        work(watch)
        code = 0
    except BaseException:  # noqa: BLE001 (whatever it is, the parent raises it)
        os.write(writing, traceback.format_exc().encode())
    finally:
        os._exit(code)


def _limit_memory() -> None:
    """Let allocations beyond `MEMORY` fail, where the system can tell what is used now."""
    usage = Path("/proc/self/statm")
    if not usage.is_file():
        return
    data = int(usage.read_text(encoding="ascii").split()[5]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = data + MEMORY
    resource.setrlimit(resource.RLIMIT_DATA, (wanted if hard < 0 else min(wanted, hard), hard))
