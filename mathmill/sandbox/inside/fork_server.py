"""The program that is started in a sandbox: it warms an interpreter and forks one for each program it is given."""

import json
import os
import resource
import socket
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from . import frames, namespaces, run, seccomp
from .limits import Limits
from .warm import warm

PAGE = resource.getpagesize()


def main(arguments: Sequence[str]) -> int:
    """Serve the supervisor, at the other end of the socket that is our standard input, until it hangs up.

    Args:
        arguments: the settings as JSON: `isolated`, `preload` and `limits`.
    """
    settings = json.loads(arguments[0])
    limits = Limits(**settings["limits"])
    resource.setrlimit(resource.RLIMIT_NOFILE, (run.DESCRIPTORS, run.DESCRIPTORS))
    os.dup2(0, run.CONTROL, inheritable=False)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    if settings["isolated"]:
        namespaces.enter()
    connection = socket.socket(fileno=run.CONTROL)
    warm(settings["preload"])
    make = _isolated if settings["isolated"] else _bare
    serve(connection, make(limits))
    return 0


def serve(connection: socket.socket, setting: run.Setting) -> None:
    """Run an empty program, so that what cannot work is told at once; then the supervisor's, one by one."""
    request: dict[str, object] | None = {"source": "", "call": None}
    child = run.prepare(setting)
    while request is not None:
        try:
            answer = run.run(setting, child, request)
        except run.ConfinementError as error:
            answer = {"failure": str(error)}
        except EOFError:
            return
        connection.sendall(frames.encode(answer))
        child = run.prepare(setting)
        request = frames.receive(connection)


def _isolated(limits: Limits) -> run.Setting:
    proc = os.open(namespaces.PROC, os.O_RDONLY)  # it is about to be covered
    own = {entry.name for entry in namespaces.PROC.iterdir()}
    confine = partial(namespaces.confine, limits, _address_space(namespaces.PROC), seccomp.this_machines_filter())
    namespaces.mount_scratch(limits)
    return run.Setting(
        limits, partial(namespaces.fork, limits), confine, partial(_memory, proc, own), contains_orphans=True
    )


def _bare(limits: Limits) -> run.Setting:
    """Limits and a folder beneath the working folder, nothing more: what `isolation: none` asked for."""
    address_space = _address_space(Path("/proc"))

    def confine() -> None:
        os.chdir(tempfile.mkdtemp(dir="."))
        limits.apply(address_space=address_space, other_processes=None)

    return run.Setting(limits, os.fork, confine, lambda: 0, contains_orphans=False)


def _address_space(proc: Path) -> int:
    """Bytes that this process has mapped."""
    return int((proc / "self/statm").read_text().split()[0]) * PAGE


def _memory(proc: int, own: set[str]) -> int:
    """Bytes that processes other than `own` hold together, pages that several share counted once."""
    total = 0
    for name in os.listdir(proc):
        if name.isdigit() and name not in own:
            try:
                with open(f"{name}/smaps_rollup", opener=partial(os.open, dir_fd=proc)) as rollup:
                    total += sum(1024 * int(line.split()[1]) for line in rollup if line.startswith("Pss:"))
            except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
                continue
    return total


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
