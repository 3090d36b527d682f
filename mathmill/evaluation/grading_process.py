"""The process that compares answers with math-verify under a time limit that holds.

math-verify's own limits rest on `signal.alarm`, which fails outside the main thread and cannot interrupt compiled
code. So answers are compared in worker processes, and this one, which does no mathematics itself, kills a worker
that overruns. It is a program of its own, not a fork of its caller: math-verify is imported once and a fresh worker
costs a fork of a small process, however large the caller's model is.
"""

import multiprocessing
import resource
import signal
import sys
import time
from collections.abc import Iterator
from ctypes import CDLL
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from mathmill.evaluation.equalities import EQUALITIES, EqualityName, Pair
from mathmill.evaluation.equality import compare_symbolically

MEMORY = 4 * 2**30
"""Bytes of address space of a worker; a tower of powers ends in a MemoryError."""
PR_SET_PDEATHSIG = 1
FORK = multiprocessing.get_context("fork")


@dataclass(slots=True)
class Worker:
    """A process that compares one pair at a time."""

    process: BaseProcess
    connection: Connection
    task: int = -1
    """Index of the pair that it works on."""
    deadline: float = 0.0


def serve(caller: Connection) -> None:
    """Answer the caller's requests, each `(equality, pairs, processes, timeout)`, with an `(index, outcome)` a pair."""
    workers: list[Worker] = []
    try:
        while True:
            equality, pairs, processes, timeout = caller.recv()
            while len(workers) < min(processes, len(pairs)):
                workers.append(_start())
            for result in compare_all(workers, equality, pairs, timeout):
                caller.send(result)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the caller hung up or died; the workers, being daemons, end with this process


def compare_all(
    workers: list[Worker], equality: EqualityName, pairs: list[Pair], timeout: float
) -> Iterator[tuple[int, str]]:
    """Yield the outcome of each pair as it is reached, in any order.

    Args:
        workers: idle ones; those that had to be killed are replaced in place.
        equality: how a pair is compared.
        pairs: what to compare.
        timeout: seconds for one pair.
    """
    waiting = iter(range(len(pairs)))
    busy: list[Worker] = [worker for worker in workers if _give(worker, equality, pairs, next(waiting, None), timeout)]
    while busy:
        rest = min(worker.deadline for worker in busy) - time.monotonic()
        ready = wait([worker.connection for worker in busy], max(rest, 0.0))
        now = time.monotonic()
        for place, worker in enumerate(workers):
            if worker not in busy or (worker.connection not in ready and worker.deadline > now):
                continue
            outcome = _outcome(worker) if worker.connection in ready else "timed_out"
            yield worker.task, outcome
            busy.remove(worker)
            if outcome in ("timed_out", "failed"):
                worker.process.kill()
                worker.process.join()
                workers[place] = worker = _start()  # noqa: PLW2901
            if _give(worker, equality, pairs, next(waiting, None), timeout):
                busy.append(worker)


def _give(worker: Worker, equality: EqualityName, pairs: list[Pair], index: int | None, timeout: float) -> bool:
    if index is None:
        return False
    worker.task = index
    worker.deadline = time.monotonic() + timeout
    worker.connection.send((equality, *pairs[index]))
    return True


def _outcome(worker: Worker) -> str:
    try:
        return str(worker.connection.recv())
    except (EOFError, ConnectionResetError):
        return "failed"


def _start() -> Worker:
    ours, theirs = FORK.Pipe()
    process = FORK.Process(target=_work, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    return Worker(process, ours)


def _work(connection: Connection) -> None:
    """Compare pairs for ever; the worker dies with its parent."""
    CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    while True:
        equality, answer, gold = connection.recv()
        try:
            outcome: str = EQUALITIES[equality](answer, gold)
        except Exception:  # noqa: BLE001 -- whatever sympy raises on model-written text is this pair's outcome
            outcome = "failed"
        connection.send(outcome)


def main() -> None:
    """Serve the caller at the other end of the socket whose descriptor is the first argument."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the caller hears Ctrl-C and hangs up
    compare_symbolically("\\frac12", "0.5")  # imports everything, and builds sympy's caches, before the first fork
    EQUALITIES["one"](("\\sqrt{2}",), ("x",))  # with sympy's own reader of LaTeX, likewise
    serve(Connection(int(sys.argv[1])))


if __name__ == "__main__":
    main()
