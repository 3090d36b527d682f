"""One program from its process to its end: its output, its deadline, and what became of it.

The process is forked and confined before there is a program for it, so that a program waits for neither.
"""

import contextlib
import json
import os
import select
import signal
import time
from collections.abc import Callable
from typing import NamedTuple, NoReturn

from . import program
from .limits import Limits

CONTROL = 3
"""Descriptor of the socket to the supervisor."""
DESCRIPTORS = 256
"""The fork server has no descriptor above."""
PIECE = 65536
WATCH_SECONDS = 0.1
"""Between two looks at the memory of a program's processes."""

Stop = tuple[str, str]
"""The outcome of a program that did not end well, and why."""


class ConfinementError(Exception):
    """A program could not be confined, and was not run."""


class Setting(NamedTuple):
    """What is the same for every program."""

    limits: Limits
    fork: Callable[[], int]
    confine: Callable[[], None]
    """Called in the child before it has a program."""
    memory: Callable[[], int]
    """Bytes that the program's processes hold together."""
    contains_orphans: bool
    """Whether all that a program starts ends with it."""


class Child(NamedTuple):
    """A confined process as seen from the fork server, which holds the other ends of its pipes."""

    pid: int
    pidfd: int
    request: int
    """Its standard input: once it has read its program from there, there is no more."""
    output: int
    errors: int
    failure: int
    """Where it says that it could not be confined; closed before the program runs."""


def prepare(setting: Setting) -> Child:
    """Fork and confine a process that waits for a program."""
    request, *written = [os.pipe() for _ in range(4)]
    pid = setting.fork()
    if pid == 0:
        _become_program(setting, request[0], [writing for _, writing in written])
    os.close(request[0])
    for reading, writing in written:
        os.close(writing)
        os.set_blocking(reading, False)
    output, errors, failure = (reading for reading, _ in written)
    return Child(pid, os.pidfd_open(pid), request[1], output, errors, failure)


def _become_program(setting: Setting, request: int, written: list[int]) -> NoReturn:
    """In the child: be confined, wait for the program, and run it."""
    try:
        os.setsid()  # else a signal to its process group would reach the fork server
        for descriptor, number in zip((request, *written), range(CONTROL + 1), strict=True):
            os.dup2(descriptor, number)
        os.closerange(CONTROL + 1, DESCRIPTORS)
        setting.confine()
    except BaseException as error:  # noqa: BLE001 - nothing may let a program start that is not confined
        os.write(CONTROL, f"{type(error).__name__}: {error}".encode())
        os._exit(1)
    os.close(CONTROL)
    program.wait_and_execute()


def run(setting: Setting, child: Child, request: dict[str, object]) -> dict[str, object]:
    """Let a process run a program, and tell what became of it as a message for the supervisor.

    Raises:
        ConfinementError: it could not be confined.
        EOFError: the supervisor has hung up; the program was killed.
    """
    limits = setting.limits
    received = {descriptor: bytearray() for descriptor in (child.output, child.errors, child.failure)}
    started = time.monotonic()
    try:
        _hand_over(child, json.dumps(request).encode())
        stopped = _follow(setting, child, received, started + limits.wall_seconds)
        _, status, usage = os.wait4(child.pid, 0)
        for descriptor, content in received.items():
            _drain(descriptor, content, limits.output_bytes)
    finally:
        for descriptor in (child.pidfd, *received):
            os.close(descriptor)
    if received[child.failure]:
        raise ConfinementError(received[child.failure].decode(errors="replace"))
    output, errors = received[child.output], received[child.errors]
    code = os.waitstatus_to_exitcode(status)
    stopped = stopped or _flood(limits, output, errors)
    outcome, reason = stopped or _verdict(limits, code, usage.ru_utime + usage.ru_stime)
    stdout, stderr = (text[: limits.output_bytes].decode(errors="replace") for text in (output, errors))
    error = "" if outcome == "ok" else reason or stderr or f"exit code {code}"
    return {"outcome": outcome, "stdout": stdout, "error": error, "seconds": time.monotonic() - started}


def _hand_over(child: Child, request: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), os.fdopen(child.request, "wb", buffering=0) as pipe:
        left = memoryview(request)
        while left:
            left = left[pipe.write(left) :]


def _follow(setting: Setting, child: Child, received: dict[int, bytearray], deadline: float) -> Stop | None:
    """Wait for the program's end; the outcome and the reason if it had to be killed."""
    poll = select.poll()
    for descriptor in (child.pidfd, CONTROL, *received):
        poll.register(descriptor, select.POLLIN)
    look = time.monotonic() + WATCH_SECONDS
    stopped = None
    while stopped is None:
        rest = min(look, deadline) - time.monotonic()
        ready = {descriptor for descriptor, _ in poll.poll(1000 * max(0.0, rest))}
        if CONTROL in ready:
            _kill(setting, child)
            raise EOFError
        for descriptor in ready & received.keys():
            if not _read(descriptor, received[descriptor]):
                poll.unregister(descriptor)
        if child.pidfd in ready:
            break
        stopped = _flood(setting.limits, received[child.output], received[child.errors])
        if time.monotonic() >= min(look, deadline):
            look = time.monotonic() + WATCH_SECONDS
            stopped = stopped or _overrun(setting, deadline)
    _kill(setting, child)
    return stopped


def _flood(limits: Limits, output: bytearray, errors: bytearray) -> Stop | None:
    if max(len(output), len(errors)) <= limits.output_bytes:
        return None
    return "output_flood", f"more than {limits.output_bytes} bytes of output"


def _overrun(setting: Setting, deadline: float) -> Stop | None:
    if time.monotonic() >= deadline:
        return "timed_out", f"no end after {setting.limits.wall_seconds:g} s"
    if setting.memory() > setting.limits.memory_bytes:
        return "memory", f"more than {setting.limits.memory_bytes} bytes of memory"
    return None


def _verdict(limits: Limits, code: int, cpu_seconds: float) -> Stop:
    """The outcome of a program that ended by itself, and the reason where its own words do not give it."""
    if code >= 0:
        return {0: "ok", program.OUT_OF_MEMORY: "memory"}.get(code, "error"), ""
    if -code in (signal.SIGKILL, signal.SIGXCPU) and cpu_seconds > limits.cpu_seconds - 0.5:
        return "timed_out", f"more than {limits.cpu_seconds} s of CPU time"
    return "killed", f"killed by {signal.Signals(-code).name}"


def _kill(setting: Setting, child: Child) -> None:
    """Kill what is left of a program; one that ended by itself may have left processes where they are not contained."""
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(child.pidfd, signal.SIGKILL)
    if not setting.contains_orphans:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)


def _read(descriptor: int, received: bytearray) -> bool:
    """Add what is there; whether more may come."""
    try:
        piece = os.read(descriptor, PIECE)
    except BlockingIOError:
        return True
    received += piece
    return bool(piece)


def _drain(descriptor: int, content: bytearray, cap: int) -> None:
    """Add what was written before the end, as far as it counts."""
    before = -1
    while before < len(content) <= cap:
        before = len(content)
        _read(descriptor, content)
