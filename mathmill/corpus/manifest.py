"""What became of each input file: the folder `manifest`, a JSON file each, which Spark reads as one table.

An entry is written when the input's tables are complete, so an ingest that was interrupted goes on with the inputs that
have none.
"""

import json
from collections import Counter
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from mathmill.corpus.page import Page, Rejection
from mathmill.output import write_text

FOLDER = "manifest"
COUNTERS = ("rejected", "formulas", "languages")


@dataclass(slots=True)
class Entry:
    """What became of an input file, or of a split of one."""

    name: str
    """What its parts of the tables are called."""
    file: str
    start: int = 0
    """Offset in the file."""
    bytes: int | None = None
    """Its size; None where it is not known."""
    etag: str | None = None
    """The server's name of this version of it."""
    failed: str | None = None
    """Why it could not be read; None if it was."""
    records: int = 0
    """Pages and rejected records, damaged ones included."""
    pages: int = 0
    tokens: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    """Records by reason."""
    formulas: Counter[str] = field(default_factory=Counter)
    """Formulas in pages by markup."""
    languages: Counter[str] = field(default_factory=Counter)
    """Pages by main language."""
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    def count(self, outcome: Page | Rejection) -> None:
        """Count a page or a rejected record."""
        self.records += 1
        if isinstance(outcome, Rejection):
            self.rejected[outcome.reason] += 1
            return
        self.pages += 1
        self.tokens += outcome.token_count
        self.languages[outcome.content_languages.partition(",")[0]] += 1


def values(entry: Entry) -> dict[str, Any]:
    """The fields of an entry."""
    # dataclasses.asdict makes counters of pairs of Counters.
    return {one.name: getattr(entry, one.name) for one in fields(entry)}


def write_entry(out: Path, entry: Entry) -> None:
    """Record what became of an input."""
    folder = out / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    state = "failed" if entry.failed else "done"
    write_text(folder / f"{entry.name}.json", json.dumps({"state": state, **values(entry)}))


def finished_parts(out: Path) -> set[str]:
    """The part names of the inputs that have an entry."""
    return {path.stem for path in (out / FOLDER).glob("*.json")}


def read_entry(out: Path, name: str) -> Entry | None:
    """The entry of the input whose parts have that name, if there is one."""
    path = out / FOLDER / f"{name}.json"
    if not path.is_file():
        return None
    read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    del read["state"]
    return Entry(**(read | {counter: Counter(read[counter]) for counter in COUNTERS}))
