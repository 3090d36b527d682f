"""The pool of sandboxes in which programs that a model wrote are run, and its supervisor.

The supervisor runs no model code, and takes nothing from a sandbox but bounded JSON (`mathmill.sandbox.worker`). A
sandbox is replaced if it misses a deadline, dies or says what it may not, and after `RUNS` programs. What a program
does to its own sandbox needs no replacement: it has run in namespaces that ended with it
(`mathmill.sandbox.inside.namespaces`).
"""

import logging
import shutil
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import wait
from pathlib import Path
from types import TracebackType
from typing import Self

from mathmill.errors import UserError
from mathmill.recipe_sandbox import SandboxRecipe
from mathmill.sandbox.bubblewrap import ADVICE
from mathmill.sandbox.results import RunResult, Unconfined, read_answer
from mathmill.sandbox.worker import SandboxBrokenError, Worker, longest_answer, start

log = logging.getLogger("mathmill")

START_SECONDS = 120.0
"""Longest wait for a sandbox to import its libraries, on a busy machine."""
GRACE_SECONDS = 10.0
"""How much later than a program's own deadline a sandbox may answer."""
SEND_SECONDS = 10.0
"""Longest wait for a sandbox to take a program."""
RUNS = 5000
TRIES = 2
"""A program whose sandbox dies gets another one; if that dies as well, the program counts as killed."""
LIBRARIES = ("numpy", "sympy")


class Sandbox:
    """Runs programs in sandboxes that are started when the block is entered and end with it."""

    def __init__(self, recipe: SandboxRecipe, *, preload: Sequence[str] = LIBRARIES) -> None:
        """Take the limits, and the modules that are imported before the first program (those may import others)."""
        self._recipe = recipe
        self._preload = preload
        self._workers: list[Worker] = []
        self._folder: Path | None = None
        self._lock = threading.Lock()
        # A sandbox dies with the thread that started it, so that it does not outlive a supervisor that was killed.
        self._starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox")

    def __enter__(self) -> Self:
        """Start the sandboxes and wait until all are ready.

        Raises:
            UserError: they cannot be started here; programs are never run outside instead.
        """
        if self._recipe.isolation == "none":
            log.warning("sandbox.isolation is none: programs that a model wrote run with the rights of this process")
        self._folder = Path(tempfile.mkdtemp(prefix="mathmill-sandbox-"))
        try:
            for _ in range(self._recipe.workers):
                self._workers.append(self._start())
            while not all(worker.ready for worker in self._workers):
                self._advance(_Batch([], None))
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def run(self, programs: Sequence[str], *, call: str | None = None) -> list[RunResult]:
        """What becomes of each program, in order. Threads may share a sandbox; their calls take turns.

        Args:
            programs: Python source, run as a script with an empty standard input.
            call: a function of the program, whose return value is printed at the end (`solution` in PAL).

        Raises:
            SandboxBrokenError: the sandbox itself has failed.
            UserError: it has to be started again, and cannot be.
        """
        batch = _Batch(programs, call)
        with self._lock:
            if not self._workers:
                raise SandboxBrokenError("a sandbox is used within its `with` block only")
            try:
                while len(batch.results) < len(programs):
                    self._hand_out(batch)
                    self._advance(batch)
            except BaseException:
                self._abandon_programs()
                raise
        return [batch.results[index] for index in range(len(programs))]

    def close(self) -> None:
        """End the sandboxes with all that runs in them."""
        for worker in self._workers:
            worker.end()
        self._workers = []
        self._starter.shutdown()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)  # without isolation a program may have made it unremovable
            self._folder = None

    def _start(self) -> Worker:
        if self._folder is None:
            raise SandboxBrokenError("a sandbox is used within its `with` block only")
        return self._starter.submit(start, self._recipe, self._preload, self._folder, seconds=START_SECONDS).result()

    def _replace(self, worker: Worker) -> None:
        worker.end()
        self._workers[self._workers.index(worker)] = self._start()

    def _abandon_programs(self) -> None:
        """Leave no sandbox with an answer that nobody waits for."""
        for worker in [worker for worker in self._workers if worker.task is not None]:
            self._replace(worker)

    def _hand_out(self, batch: "_Batch") -> None:
        """Give a waiting program to each sandbox that has none."""
        for worker in list(self._workers):
            if not worker.ready or worker.task is not None or not batch.waiting:
                continue
            index = batch.waiting.popleft()
            worker.task = index
            worker.deadline = time.monotonic() + self._recipe.wall_seconds + GRACE_SECONDS
            worker.runs += 1
            # To the end of the line: it then has time to make its next process ready.
            self._workers.remove(worker)
            self._workers.append(worker)
            try:
                worker.send({"source": batch.programs[index], "call": batch.call}, seconds=SEND_SECONDS)
            except OSError:  # it has died since its last program
                self._lost(worker, batch)

    def _advance(self, batch: "_Batch") -> None:
        """Wait until a sandbox says something or misses its deadline, and see to it."""
        active = [worker for worker in self._workers if worker.task is not None or not worker.ready]
        if not active:
            return
        now = time.monotonic()  # before the look at what they say: what came in time is not late
        rest = min(worker.deadline for worker in active) - now
        speaking = wait([worker.connection for worker in active], max(rest, 0.0))
        for worker in active:
            if worker.connection in speaking:
                self._hear(worker, batch)
            elif now > worker.deadline:
                self._late(worker, batch)

    def _hear(self, worker: Worker, batch: "_Batch") -> None:
        try:
            message = worker.receive(longest_answer(self._recipe))
            if message is None:
                return
            result = read_answer(message)
        except (EOFError, ValueError):
            self._lost(worker, batch)
            return
        if worker.task is None:
            _check_first(result)
            worker.ready = True
            return
        if isinstance(result, Unconfined):
            raise SandboxBrokenError(f"a program could not be confined: {result.reason}")
        batch.results[worker.task] = result
        worker.task = None
        if worker.runs >= RUNS:
            self._replace(worker)

    def _late(self, worker: Worker, batch: "_Batch") -> None:
        """Replace a sandbox that does not answer."""
        if worker.task is None:
            raise UserError(f"sandbox: not ready after {START_SECONDS:.0f} s: is the machine overloaded?")
        seconds = self._recipe.wall_seconds + GRACE_SECONDS
        batch.results[worker.task] = RunResult("timed_out", "", f"no answer after {seconds:g} s", seconds)
        self._replace(worker)

    def _lost(self, worker: Worker, batch: "_Batch") -> None:
        """Replace a sandbox that has died or talks nonsense; its program gets another try."""
        if worker.task is None:
            worker.end()
            raise UserError(f"sandbox: it cannot be started here: {_last_line(worker.log)}{ADVICE}")
        batch.tries[worker.task] += 1
        if batch.tries[worker.task] < TRIES:
            batch.waiting.appendleft(worker.task)
        else:
            batch.results[worker.task] = RunResult("killed", "", "its sandbox died", 0.0)
        log.warning("a sandbox died and is started again: %s", _last_line(worker.log))
        self._replace(worker)


class _Batch:
    """Programs on their way through the sandboxes."""

    def __init__(self, programs: Sequence[str], call: str | None) -> None:
        self.programs = programs
        self.call = call
        self.waiting = deque(range(len(programs)))
        self.tries: Counter[int] = Counter()
        self.results: dict[int, RunResult] = {}


def _check_first(result: RunResult | Unconfined) -> None:
    """See that a sandbox could run its empty program."""
    if isinstance(result, Unconfined):
        raise UserError(f"sandbox: programs cannot be confined here: {result.reason}{ADVICE}")
    if result.outcome != "ok":
        ending = " ".join(result.error.split())
        raise UserError(f"sandbox: its limits are too small for an empty program ({result.outcome}: {ending})")


def _last_line(path: Path) -> str:
    """The end of what a sandbox wrote to its standard error, where its reason stands."""
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "it said nothing")
