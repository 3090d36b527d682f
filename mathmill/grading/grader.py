"""Grading completions: the boxed answer against the gold one, under a time limit, every failure counted."""

import os
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Literal, Self

from mathmill.grading.equalities import EqualityName, Pair
from mathmill.grading.equality import compare_texts, is_right
from mathmill.grading.extraction import extract_answer

__all__ = ["Grader", "Outcome", "Verdict", "count_outcomes", "extract_answer", "grade", "is_right"]

Outcome = Literal["right", "wrong", "missing", "unparsable", "timed_out", "failed"]
"""`missing`: no boxed answer. `unparsable`: not the gold text, and no mathematics that can be read.
`timed_out` and `failed`: the comparison was killed, or raised. Only `right` counts as right."""
OUTCOMES: tuple[Outcome, ...] = ("right", "wrong", "missing", "unparsable", "timed_out", "failed")

START_SECONDS = 120.0
"""Longest wait for the grading process to import its libraries, on a busy machine."""
REMEMBERED = 100_000
"""Comparisons kept; reinforcement meets the same wrong answers over and over."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one completion."""

    answer: str | None
    """The boxed answer, if there was one."""
    outcome: Outcome

    @property
    def right(self) -> bool:
        """Whether the answer is the gold one."""
        return self.outcome == "right"


class Grader:
    """Compares answers, for any thread; the grading process starts with the first need and ends with the grader."""

    def __init__(self, *, processes: int = 2, timeout: float = 5.0) -> None:
        """Take `processes` workers, and kill one that spends more than `timeout` seconds on an answer."""
        self._processes = processes
        self._timeout = timeout
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], Outcome] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def grade(self, completions: Sequence[str], golds: Sequence[str]) -> list[Verdict]:
        """The verdict on each completion, in order.

        Args:
            completions: model-written texts.
            golds: the right answer of each, bare (not boxed).
        """
        return self.judge([extract_answer(completion) for completion in completions], golds)

    def judge(self, answers: Sequence[str | None], golds: Sequence[str]) -> list[Verdict]:
        """The verdict on each answer, in order; None stands for a completion without one."""
        pairs = [(answer, gold) for answer, gold in zip(answers, golds, strict=True) if answer is not None]
        with self._lock:
            self._compare(pairs)
            return [
                Verdict(answer, "missing" if answer is None else self._known[answer, gold])
                for answer, gold in zip(answers, golds, strict=True)
            ]

    def compare(self, equality: EqualityName, pairs: Sequence[Pair], timeout: float) -> list[Outcome]:
        """The outcome of each pair of an answer and its gold answer, in order, whichever way they are compared.

        Args:
            equality: a key of `mathmill.grading.equalities.EQUALITIES`.
            pairs: what that equality compares.
            timeout: seconds for one pair; the grader's own is that of `grade`.
        """
        with self._lock:
            return self._ask(equality, pairs, timeout) if pairs else []

    def close(self) -> None:
        """End the grading process."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _compare(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Make sure that the outcome of each pair is known."""
        if len(self._known) > REMEMBERED:
            self._known.clear()
        hard = []
        for pair in dict.fromkeys(pairs):
            if pair in self._known:
                continue
            by_text = compare_texts(*pair)
            if by_text is None:
                hard.append(pair)
            else:
                self._known[pair] = "right" if by_text else "wrong"
        if hard:
            self._known.update(zip(hard, self._ask("strict", hard, self._timeout), strict=True))

    def _ask(self, equality: EqualityName, pairs: Sequence[Pair], timeout: float) -> list[Outcome]:
        fresh = self._connection is None
        connection = self._connection or self._start()
        connection.send((equality, list(pairs), self._processes, timeout))
        outcomes: dict[int, Outcome] = {}
        while len(outcomes) < len(pairs):
            longest = 2 * timeout + 10 + (0 if outcomes or not fresh else START_SECONDS)
            if not connection.poll(longest):
                self.close()
                raise RuntimeError(f"the grading process gave no answer for {longest:.0f} s")
            try:
                outcomes.update(connection.recv())
            except EOFError as error:
                self.close()
                raise RuntimeError("the grading process ended; its own message is above") from error
        return [outcomes[index] for index in range(len(pairs))]

    def _start(self) -> Connection:
        ours, theirs = socket.socketpair()
        module = "mathmill.grading.process"
        command = [sys.executable, "-m", module, str(theirs.fileno()), str(os.getpid())]
        environment = {name: value for name, value in os.environ.items() if name not in ("RANK", "WORLD_SIZE")}
        self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=environment)
        theirs.close()
        self._connection = Connection(ours.detach())
        return self._connection


def grade(
    completions: Sequence[str], golds: Sequence[str], *, processes: int = 2, timeout: float = 5.0
) -> list[Verdict]:
    """The verdict on each completion; see `Grader`, which spares the next call the start of its processes."""
    with Grader(processes=processes, timeout=timeout) as grader:
        return grader.grade(completions, golds)


def count_outcomes(verdicts: Iterable[Verdict]) -> dict[Outcome, int]:
    """How many verdicts there are of each outcome, those that did not occur included."""
    counts = Counter(verdict.outcome for verdict in verdicts)
    return {outcome: counts[outcome] for outcome in OUTCOMES}
