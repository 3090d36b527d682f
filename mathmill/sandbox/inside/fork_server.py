"""The program that is started in a sandbox: it warms an interpreter and forks one for each program it is given."""

import json
import os
import resource
from collections.abc import Sequence
from functools import partial

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
    warm(settings["preload"])
    make = _isolated if settings["isolated"] else _bare
    serve(make(limits))
    return 0


def serve(setting: run.Setting) -> None:
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
        frames.send(run.CONTROL, answer)
        child = run.prepare(setting)
        request = frames.receive(run.CONTROL)


def _isolated(limits: Limits) -> run.Setting:
    proc = os.open(namespaces.PROC, os.O_RDONLY)  # it is about to be covered
    own = set(os.listdir(proc))
    confine = partial(namespaces.confine, limits, _address_space(namespaces.PROC), seccomp.this_machines_filter())
    namespaces.mount_scratch(limits)
    return run.Setting(
        limits, partial(namespaces.fork, limits), confine, partial(_memory, proc, own), contains_orphans=True
    )


def _bare(limits: Limits) -> run.Setting:
    """Limits and a folder beneath the working folder, nothing more: what `isolation: none` asked for."""
    import tempfile

    address_space = _address_space("/proc")

    def confine() -> None:
        os.chdir(tempfile.mkdtemp(dir="."))
        limits.apply(address_space=address_space, other_processes=None)

    return run.Setting(limits, os.fork, confine, lambda: 0, contains_orphans=False)


def _address_space(proc: str) -> int:
    """Bytes that this process has mapped."""
    with open(f"{proc}/self/statm") as file:
        return int(file.read().split()[0]) * PAGE


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
