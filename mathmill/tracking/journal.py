"""What a job tells its MLflow run, kept on disk until it is told: a slow or absent server neither slows nor fails it.

Entries are lines of `journal.jsonl`, each with its kind and whatever that takes; `told` holds the offset of the first
one that the server may not have. A thread tells them in their order. After a kill one may be told twice, so telling it
twice must be as good as once; of metrics MLflow takes it so, for they have the time at which they were written.
"""

import json
import logging
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mathmill.output import write_text

log = logging.getLogger("mathmill")

JOURNAL = "journal.jsonl"
TOLD = "told"
FILES = "files"
"""Folder of the files that entries name."""
METRICS = "metrics"
"""The kind of entry of which many are told at once."""
TELL_SECONDS = 5.0
"""Longest wait of a metric on its way to a server that answers."""
BATCH = 1000
"""Metrics in one call, MLflow's limit."""
RETRY_SECONDS = (1.0, 30.0)
"""Wait before the second try to tell an entry, and before any late one; in haste always the former."""

Entry = dict[str, Any]
Tell = Callable[[Sequence[Entry]], None]
"""Tells entries of one kind.

Raises:
    ServerAwayError: the server does not answer now.
    StartOverError: it has nothing of what it was told; whatever else is raised stands for a mistake.
"""


class ServerAwayError(Exception):
    """The server does not answer, or not now."""


class StartOverError(Exception):
    """The server has nothing of what it was told before: it is told everything anew."""


class Journal:
    """One run's journal."""

    def __init__(self, folder: Path, tell: Tell, server: str) -> None:
        """Go on with what an earlier try left in `folder`.

        Args:
            folder: the journal's own; made if it is not there.
            tell: sends entries, all of one kind; of `METRICS` at most `BATCH` values at once.
            server: for messages.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._tell = tell
        self._server = server
        self._told = int(told.read_text()) if (told := folder / TOLD).is_file() else 0
        self.last_steps = _last_steps(folder / JOURNAL)
        """Of each metric, the last step that earlier tries have written."""
        self._file = (folder / JOURNAL).open("ab")
        self._written = self._file.tell()
        self.is_new = not self._written
        """Whether no earlier try has written anything."""
        self._changed = threading.Condition()
        self._in_haste = False
        self._away = False
        self._closing = False
        self._mistake: Exception | None = None
        self._thread = threading.Thread(target=self._work, name="journal", daemon=True)
        self._thread.start()

    def write(self, kind: str, **what: Any) -> int:
        """Keep an entry; it is told soon.

        Returns:
            The offset after it.

        Raises:
            Exception: whatever telling an earlier entry has raised, unless the server was only away.
        """
        with self._changed:
            if self._mistake is not None:
                raise self._mistake
            self._file.write(json.dumps({"kind": kind, **what}, ensure_ascii=False).encode() + b"\n")
            self._file.flush()
            self._written = self._file.tell()
            self._changed.notify_all()
            return self._written

    def file(self, name: str) -> Path:
        """Where to put the file `name` before the entry that tells of it."""
        path = self.folder / FILES / name
        path.parent.mkdir(exist_ok=True)
        return path

    def wait(self, seconds: float) -> bool:
        """Have everything told at once; whether that was done within `seconds`.

        Raises:
            Exception: as `write` does.
        """
        with self._changed:
            self._hasten(lambda: self._told == self._written, seconds)
            return self._told == self._written

    def begin(self, offset: int, seconds: float) -> None:
        """Have the entries before `offset` told at once; wait no longer than until the server is seen to be away.

        Raises:
            Exception: as `write` does.
        """
        with self._changed:
            self._hasten(lambda: self._told >= offset or self._away, seconds)

    def _hasten(self, enough: Callable[[], bool], seconds: float) -> None:
        self._in_haste = True
        self._changed.notify_all()
        self._changed.wait_for(lambda: enough() or self._mistake is not None, seconds)
        self._in_haste = False
        if self._mistake is not None:
            raise self._mistake

    def close(self, *, keep: bool) -> None:
        """Stop telling. The journal goes, unless it is to be kept for a later try or not all of it is told."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()
        self._file.close()
        if self._told == self._written and not keep:
            shutil.rmtree(self.folder)

    def _work(self) -> None:
        pause = 0.0
        while self._await(pause):
            entries, end = self._next()
            try:
                self._tell(entries)
            except ServerAwayError as reason:
                if not pause:
                    log.warning("MLflow at %s does not answer (%s): what it is to know is kept", self._server, reason)
                pause = min(max(2 * pause, RETRY_SECONDS[0]), RETRY_SECONDS[1])
                with self._changed:
                    self._away = True
                    self._changed.notify_all()
                continue
            except StartOverError:
                end = 0
            except Exception as error:  # noqa: BLE001 - the thread that writes raises it
                with self._changed:
                    self._mistake = error
                    self._changed.notify_all()
                return
            if pause:
                log.warning("MLflow at %s answers again", self._server)
            pause = 0.0
            write_text(self.folder / TOLD, str(end))
            with self._changed:
                self._told, self._away = end, False
                self._changed.notify_all()

    def _await(self, pause: float) -> bool:
        """Wait until there is something to tell, and time to tell it; whether that will be.

        Args:
            pause: seconds until the next try where the last one has failed, else 0.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._told < self._written or self._closing)
            if pause:
                self._changed.wait_for(lambda: self._in_haste or self._closing, pause)
                if self._in_haste:
                    self._changed.wait_for(lambda: self._closing, min(pause, RETRY_SECONDS[0]))
                return not self._closing
            self._changed.wait_for(lambda: self._in_haste or self._closing, TELL_SECONDS)
            return self._told < self._written

    def _next(self) -> tuple[list[Entry], int]:
        """The next entries of one kind that fit into one call, and the offset after them."""
        entries: list[Entry] = []
        values = 0
        with (self.folder / JOURNAL).open("rb") as file:
            file.seek(self._told)
            end = self._told
            while line := file.readline():
                entry = json.loads(line)
                values += len(entry.get("values", ()))
                together = entry["kind"] == METRICS and values <= BATCH
                if entries and not (together and entries[0]["kind"] == METRICS):
                    break
                entries.append(entry)
                end = file.tell()
        return entries, end


def _last_steps(path: Path) -> Mapping[str, int]:
    last: dict[str, int] = {}
    if path.is_file():
        _cut_last_line(path)
        for line in path.read_bytes().splitlines():
            entry = json.loads(line)
            if entry["kind"] == METRICS:
                last |= {name: max(entry["step"], last.get(name, entry["step"])) for name in entry["values"]}
    return last


def _cut_last_line(path: Path) -> None:
    """Take off what a killed writer left of a line."""
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with path.open("r+b") as file:
            file.truncate(whole)
