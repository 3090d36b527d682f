"""The process that compares answers with math-verify under a time limit that holds.

math-verify's own limits rest on `signal.alarm`, which fails outside the main thread and cannot interrupt compiled
code. So answers are compared in worker processes, and this one, which does no mathematics itself, kills a worker
that overruns. It is a program of its own, not a fork of its caller: math-verify is imported once and a fresh worker
costs a fork of a small process, however large the caller's model is.
"""

import gc
import multiprocessing
import os
import resource
import signal
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from mathmill.grading.equalities import EQUALITIES, EqualityName, Pair
from mathmill.grading.equality import compare_symbolically
from mathmill.parent_death import die_with

MEMORY = 4 * 2**30
"""Bytes of address space of a worker; a tower of powers ends in a MemoryError."""
LARGEST_BATCH = 64
"""Pairs that a worker is given at once, so that it need not be waited for after each."""
LOOK_SECONDS = 2.0
"""Time between looks whether the caller is still there."""
FORK = multiprocessing.get_context("fork")


@dataclass(slots=True)
class Worker:
    """A process that compares a batch of pairs, one after the other."""

    process: BaseProcess
    connection: Connection
    batch: deque[int] = field(default_factory=deque)
    """Indices of the pairs that it has not answered; it works on the first."""
    deadline: float = 0.0
    """Of the first."""


def serve(caller: Connection) -> None:
    """Answer the caller's requests, each `(equality, pairs, processes, timeout)`, with lists of `(index, outcome)`."""
    workers: list[Worker] = []
    try:
        while True:
            equality, pairs, processes, timeout = caller.recv()
            while len(workers) < min(processes, len(pairs)):
                workers.append(_start())
            for results in compare_all(workers, equality, pairs, timeout):
                caller.send(results)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the caller hung up or died; the workers, being daemons, end with this process


def compare_all(
    workers: list[Worker], equality: EqualityName, pairs: list[Pair], timeout: float
) -> Iterator[list[tuple[int, str]]]:
    """Yield the outcomes of the pairs as they are reached, each once, in any order.

    Args:
        workers: idle ones; those that had to be killed are replaced in place.
        equality: how a pair is compared.
        pairs: what to compare.
        timeout: seconds for one pair.
    """
    # Workers remember what they have read, so that what takes longest to read had better go to one only.
    waiting = deque(sorted(range(len(pairs)), key=lambda index: max(map(str, pairs[index]), key=len)))
    while waiting or any(worker.batch for worker in workers):
        for place, worker in enumerate(workers):
            if waiting and not worker.batch:
                if not worker.process.is_alive():
                    workers[place] = worker = _start()  # noqa: PLW2901
                _give(worker, equality, pairs, _next_batch(waiting, len(workers)), timeout)
        busy = [worker for worker in workers if worker.batch]
        now = time.monotonic()  # before the look at what they have answered: what came in time is not late
        rest = min(worker.deadline for worker in busy) - now
        ready = wait([worker.connection for worker in busy], max(rest, 0.0))
        for place, worker in enumerate(workers):
            if worker.connection in ready:
                outcomes = _outcomes(worker)
            elif worker.batch and worker.deadline <= now:
                outcomes = ["timed_out"]
            else:
                continue
            yield [(worker.batch.popleft(), outcome) for outcome in outcomes]
            worker.deadline = time.monotonic() + timeout
            if outcomes[-1] in ("timed_out", "failed"):
                waiting.extendleft(reversed(worker.batch))
                worker.process.kill()
                worker.process.join()
                workers[place] = _start()


def _next_batch(waiting: deque[int], workers: int) -> deque[int]:
    """The indices to compare next: ever fewer, so that all workers are done at about the same time."""
    size = max(1, min(LARGEST_BATCH, len(waiting) // (2 * workers)))
    return deque(waiting.popleft() for _ in range(size))


def _give(worker: Worker, equality: EqualityName, pairs: list[Pair], batch: deque[int], timeout: float) -> None:
    worker.batch = batch
    worker.deadline = time.monotonic() + timeout
    worker.connection.send((equality, [pairs[index] for index in batch]))


def _outcomes(worker: Worker) -> list[str]:
    """What a worker has answered; it goes no further after `failed`, by which its death is told as well."""
    outcomes: list[str] = []
    try:
        while not outcomes or (len(outcomes) < len(worker.batch) and worker.connection.poll()):
            outcomes.append(worker.connection.recv())
    except (EOFError, ConnectionResetError):
        if outcomes[-1:] != ["failed"]:
            outcomes.append("failed")
    return outcomes


def _start() -> Worker:
    ours, theirs = FORK.Pipe()
    process = FORK.Process(target=_work, args=(theirs, os.getpid()), daemon=True)
    process.start()
    theirs.close()
    return Worker(process, ours)


def _work(connection: Connection, parent: int) -> None:
    """Compare batches of pairs until one fails; the worker dies with its parent."""
    die_with(parent)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    while True:
        equality, batch = connection.recv()
        for answer, gold in batch:
            try:
                outcome: str = EQUALITIES[equality](answer, gold)
            except Exception:  # noqa: BLE001 -- whatever sympy raises on model-written text is this pair's outcome
                connection.send("failed")
                return
            connection.send(outcome)


def _end_with(caller: int) -> None:
    """End this process when its caller has died.

    The socket does not tell where a process that the caller forked lives on and holds the caller's end open.
    """

    def look(*_: object) -> None:
        if os.getppid() != caller:
            os._exit(0)

    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, LOOK_SECONDS, LOOK_SECONDS)


def main() -> None:
    """Serve the caller, whose process id is the second argument, at a socket, whose descriptor is the first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the caller hears Ctrl-C and hangs up
    _end_with(int(sys.argv[2]))
    compare_symbolically("\\frac12", "0.5")  # imports everything, and builds sympy's caches, before the first fork
    EQUALITIES["one"](("\\sqrt{2}",), ("x",))  # with sympy's own reader of LaTeX, likewise
    gc.freeze()  # what all workers share is not to be walked through, and so copied, by each
    serve(Connection(int(sys.argv[1])))


if __name__ == "__main__":
    main()
