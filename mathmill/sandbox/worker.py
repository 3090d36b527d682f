"""One sandbox process and the socket to it. Its words are bounded JSON, and no wait for them is without a deadline."""

import compileall
import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mathmill.recipe_sandbox import SandboxRecipe
from mathmill.sandbox import inside
from mathmill.sandbox.bubblewrap import ENVIRONMENT, bare_command, isolated_command
from mathmill.sandbox.inside import frames
from mathmill.sandbox.inside.limits import Limits

PIECE = 1 << 16
ESCAPED = 6
"""JSON writes a byte of output in so many at most."""
NOT_INHERITED = ("RANK", "WORLD_SIZE", "LOCAL_RANK")


class SandboxBrokenError(RuntimeError):
    """The sandbox itself, not a program in it, does not do its work."""


@dataclass(slots=True)
class Worker:
    """A sandbox that runs one program at a time."""

    process: subprocess.Popen[bytes]
    connection: socket.socket
    log: Path
    """What it wrote to its standard error; nothing, as long as it works."""
    deadline: float
    """On the monotonic clock, of what it does now."""
    task: int | None = None
    """Index of the program that it runs; None while it starts or waits for one."""
    ready: bool = False
    runs: int = 0
    received: bytearray = field(default_factory=bytearray)

    def send(self, message: dict[str, Any], *, seconds: float) -> None:
        """Send within `seconds`.

        Raises:
            OSError: the worker does not take it, or is dead.
        """
        self.connection.settimeout(seconds)
        self.connection.sendall(frames.encode(message))

    def receive(self, longest: int) -> dict[str, Any] | None:
        """What it says, if that is whole; never waits.

        Raises:
            EOFError: it is dead.
            ValueError: it says what no worker may.
        """
        self.connection.settimeout(0)
        try:
            piece = self.connection.recv(PIECE)
        except BlockingIOError:
            return None
        except ConnectionResetError as error:
            raise EOFError from error
        if not piece:
            raise EOFError
        self.received += piece
        return frames.take(self.received, longest)

    def end(self) -> None:
        """Kill it with all that runs in it."""
        self.connection.close()
        self.process.kill()
        self.process.wait()


def start(recipe: SandboxRecipe, preload: Sequence[str], folder: Path, *, seconds: float) -> Worker:
    """Start a sandbox, which is to say within `seconds` that it is ready. It dies with the thread that started it.

    Args:
        recipe: its limits and whether it is isolated.
        preload: modules that it imports before its first program.
        folder: of our own, for its log and, without isolation, its programs' files.
        seconds: until its deadline.
    """
    # Else each sandbox would compile it anew. Where it cannot be written, they do.
    compileall.compile_dir(Path(inside.__file__).parent, quiet=2)
    isolated = recipe.isolation == "required"
    settings = json.dumps({"isolated": isolated, "preload": list(preload), "limits": limits(recipe)._asdict()})
    command = isolated_command(settings) if isolated else bare_command(settings)
    scratch = Path(tempfile.mkdtemp(dir=folder))
    log = scratch / "log"
    environment = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED} | ENVIRONMENT
    ours, theirs = socket.socketpair()
    with theirs, log.open("wb") as errors:
        process = subprocess.Popen(
            command,
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=errors,
            cwd=scratch,
            env=environment | {"HOME": str(scratch)},
            start_new_session=True,  # Ctrl-C is for us, who then end it
        )
    return Worker(process, ours, log, time.monotonic() + seconds)


def limits(recipe: SandboxRecipe) -> Limits:
    """The limits of one program."""
    return Limits(
        cpu_seconds=recipe.cpu_seconds,
        wall_seconds=recipe.wall_seconds,
        memory_bytes=recipe.memory_bytes,
        processes=recipe.processes,
        output_bytes=recipe.output_bytes,
        file_bytes=recipe.file_bytes,
    )


def longest_answer(recipe: SandboxRecipe) -> int:
    """Bytes of the longest message that a worker may send."""
    return 2 * ESCAPED * recipe.output_bytes + PIECE
