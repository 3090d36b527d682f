"""Decisions on their way: a draft beside the run that is saved while a person marks, and the answer that it becomes."""

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256

from mathmill.corpus.decisions import Decision, to_json_lines
from mathmill.corpus.layout import Iteration
from mathmill.corpus.view.builds import is_waiting
from mathmill.corpus.view.candidates import known_prefixes, read_draft
from mathmill.errors import UserError
from mathmill.output import write_text


def save_draft(iteration: Iteration, changes: Mapping[str, bool | None], annotator: str) -> list[Decision]:
    """Put `changes` into the draft; None takes a decision back. People who mark at once lose nothing of each other.

    Returns:
        The whole draft.

    Raises:
        UserError: nobody is asked, or not about one of the prefixes.
    """
    if not is_waiting(iteration):
        raise UserError("this iteration waits for no decisions (any more)")
    if unknown := changes.keys() - known_prefixes(iteration):
        raise UserError(f"'{min(unknown)}' is no prefix of this iteration's candidates")
    now = datetime.now(UTC)
    with _only_one(iteration):
        draft = {one.url_prefix: one for one in read_draft(iteration)}
        for name, is_math in changes.items():
            if is_math is None:
                draft.pop(name, None)
            else:
                draft[name] = Decision(name, is_math, annotator, now)
        decisions = [draft[name] for name in sorted(draft)]
        write_text(iteration.draft, to_json_lines(decisions))
    return decisions


def freeze_draft(iteration: Iteration) -> tuple[str, int]:
    """Keep the draft as an answer that nothing changes any more: the digest that names it, and how much it decides.

    Raises:
        UserError: nobody is asked, or nothing is decided.
    """
    if not is_waiting(iteration):
        raise UserError("this iteration waits for no decisions (any more)")
    with _only_one(iteration):
        decisions = read_draft(iteration)
        if not decisions:
            raise UserError("nothing is decided yet: mark some prefixes first")
        text = to_json_lines(decisions)
        digest = sha256(text.encode()).hexdigest()[:16]
        answer = iteration.answer(digest)
        answer.parent.mkdir(exist_ok=True)
        write_text(answer, text)
    return digest, len(decisions)


@contextmanager
def _only_one(iteration: Iteration) -> Iterator[None]:
    """Keep other threads and processes out of the iteration's draft."""
    with (iteration.root / ".draft.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
