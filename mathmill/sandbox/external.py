"""Running an external program on a file that a model wrote: in bubblewrap, up to a deadline, its output bounded.

It sees `/usr`, the folders that it is said to need, read-only, and a scratch folder in memory with the file; it has no
network, no process of others and no privilege. Unlike the sandbox for Python there is no seccomp filter and no limit
of memory or processes: programs such as Isabelle bring a Java and reserve what they may never use.
"""

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mathmill.sandbox.bubblewrap import confinement

SCRATCH = "/tmp"  # noqa: S108 - its own, in memory
SCRATCH_BYTES = 268_435_456
OUTPUT_BYTES = 16_384
"""Of the end of a program's output, where it says what is wrong."""
PIECE = 65_536
POLL_SECONDS = 0.2
NOBODY = "65534"
SYSTEM = "/usr"
LINKS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
"""Folders of the root that are links into `/usr`, or folders by themselves."""
FILES = ("/etc/alternatives", "/etc/ld.so.cache")
DEVICES = ("null", "zero", "random", "urandom")
PATH = "/usr/local/bin:/usr/bin:/bin"
ENVIRONMENT = {"HOME": SCRATCH, "LANG": "C.UTF-8", "PATH": PATH, "USER": "nobody"}
"""All that the program finds in its environment."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended."""

    code: int | None
    """The exit code, that of a signal being negative; None: it was ended at its deadline."""
    output: str
    """The end of what it wrote to standard output and error."""
    seconds: float


def isolated(command: Sequence[str], file: Path, folders: Sequence[str]) -> list[str]:
    """`command`, to be run in bubblewrap in the folder `SCRATCH`, where `file` lies under its own name.

    Args:
        command: its program is in `/usr` or in one of `folders`.
        file: readable by all.
        folders: absolute paths, that the program sees as well.

    Raises:
        UserError: there is no bubblewrap.
    """
    variables = [word for name, value in ENVIRONMENT.items() for word in ("--setenv", name, value)]
    root = os.getuid() == 0
    # As nobody it can neither write to what root owns nor is spared limits; bubblewrap itself has to stay root.
    privileges = ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"] if root else []
    nobody = ["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--"] if root else []
    return [
        *(*confinement(), *privileges, *_system(), *_devices(), "--proc", "/proc"),
        *("--perms", "0777", "--size", str(SCRATCH_BYTES), "--tmpfs", SCRATCH),
        *(*_folders(folders), "--ro-bind", str(file), f"{SCRATCH}/{file.name}", "--remount-ro", "/"),
        *(*variables, "--chdir", SCRATCH, "--", *nobody, *command),
    ]


def is_visible(program: Path, folders: Sequence[str]) -> bool:
    """Whether an isolated command sees `program`, and what it is a link to."""
    return all(
        any(place.is_relative_to(folder) for folder in (SYSTEM, *folders)) for place in (program, program.resolve())
    )


def run_external(command: Sequence[str], folder: Path, seconds: float, is_ending: Callable[[], bool]) -> Ended:
    """Run a command in `folder`, with an empty standard input, and end it with its process group.

    Args:
        command: program and arguments.
        folder: to run it in.
        seconds: until its deadline.
        is_ending: asked now and then whether it is to end at once; it then counts as at its deadline.
    """
    started = time.monotonic()
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
        start_new_session=True,
    )
    try:
        in_time, output = _follow(process, started + seconds, is_ending)
    finally:
        # Nobody has waited for it, so the number is still its own.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        code = process.wait()
        if process.stdout is not None:
            process.stdout.close()
    text = output.decode("utf-8", errors="replace")
    return Ended(code if in_time else None, text, round(time.monotonic() - started, 3))


def _follow(process: subprocess.Popen[bytes], deadline: float, is_ending: Callable[[], bool]) -> tuple[bool, bytes]:
    """Whether the process ended in time, and the end of its output."""
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    pipe, output = process.stdout.fileno(), b""
    os.set_blocking(pipe, False)
    # Tells of the end without waiting for the process.
    ended = os.pidfd_open(process.pid)
    watched = [pipe, ended]
    try:
        while (rest := deadline - time.monotonic()) > 0 and not is_ending():
            ready, _, _ = select.select(watched, [], [], min(rest, POLL_SECONDS))
            if pipe in ready:
                piece = os.read(pipe, PIECE)
                output = (output + piece)[-OUTPUT_BYTES:]
                if not piece:
                    watched.remove(pipe)
            elif ended in ready:
                return True, output
        return False, output
    finally:
        os.close(ended)


def _system() -> Iterator[str]:
    yield from ("--perms", "0755", "--dir", "/etc", "--ro-bind", SYSTEM, SYSTEM)
    for name in LINKS:
        place = Path("/", name)
        if place.is_symlink():
            yield from ("--symlink", str(place.readlink()), str(place))
        elif place.is_dir():
            yield from ("--ro-bind", str(place), str(place))
    for file in FILES:
        yield from ("--ro-bind-try", file, file)


def _devices() -> Iterator[str]:
    yield from ("--perms", "0755", "--dir", "/dev")
    for device in DEVICES:
        yield from ("--dev-bind", f"/dev/{device}", f"/dev/{device}")
    yield from ("--symlink", "/proc/self/fd", "/dev/fd", "--symlink", SCRATCH, "/dev/shm")  # noqa: S108


def _folders(folders: Sequence[str]) -> Iterator[str]:
    """The folders, and those above them, which bubblewrap would make for root alone."""
    there = ("/", SCRATCH, SYSTEM)
    for parent in sorted({parent for folder in folders for parent in Path(folder).parents}):
        if str(parent) not in there and not any(parent.is_relative_to(one) for one in (SYSTEM, *folders)):
            yield from ("--perms", "0755", "--dir", str(parent))
    for folder in sorted(folders):
        yield from ("--ro-bind", folder, folder)
