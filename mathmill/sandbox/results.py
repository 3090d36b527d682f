"""What became of a program."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

Outcome = Literal["ok", "error", "timed_out", "memory", "killed", "output_flood"]
"""`error`: it raised, or exited with a code other than 0. `timed_out`, `memory` and `output_flood`: it took more wall
or CPU time or memory than it may, or wrote more. `killed`: by a signal."""
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


@dataclass(frozen=True, slots=True)
class RunResult:
    """What became of one program."""

    outcome: Outcome
    stdout: str
    """As far as the limit; bytes that are no UTF-8 are replaced."""
    error: str
    """Empty if the outcome is `ok`: else the traceback or whatever stands on its standard error, or what ended it."""
    seconds: float
    """From the fork to the end, wall time."""


@dataclass(frozen=True, slots=True)
class Unconfined:
    """A sandbox could not confine a program, and did not run it."""

    reason: str


def read_answer(message: dict[str, Any]) -> RunResult | Unconfined:
    """What a sandbox tells of its program.

    Raises:
        ValueError: it is no such thing.
    """
    if isinstance(message.get("failure"), str):
        return Unconfined(message["failure"])
    outcome, stdout, error, seconds = (message.get(name) for name in ("outcome", "stdout", "error", "seconds"))
    if outcome not in OUTCOMES or not isinstance(stdout, str) or not isinstance(error, str):
        raise ValueError("a message that is no result")
    if not isinstance(seconds, float):
        raise ValueError("a result without its seconds")  # noqa: TRY004 - of a kind with the other
    return RunResult(outcome, stdout, error, seconds)
