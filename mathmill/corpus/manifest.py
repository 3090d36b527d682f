"""What became of each input file: the folder `manifest`, a JSON file each, which Spark reads as one table.

An entry is written when the input's tables are complete, so an ingest that was interrupted goes on with the inputs that
have none.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path, PurePosixPath
from typing import Any

from mathmill.output import write_text

FOLDER = "manifest"
COUNTERS = ("rejected", "formulas", "languages")


@dataclass(slots=True)
class Entry:
    """What became of an input file."""

    file: str
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


def part_name(file: str) -> str:
    """What the parts of an input file are called: its own name, and a digest of its whole path."""
    digest = hashlib.sha256(file.encode()).hexdigest()[:12]
    return f"{PurePosixPath(file).name.split('.')[0][:80]}-{digest}"


def values(entry: Entry) -> dict[str, Any]:
    """The fields of an entry."""
    # dataclasses.asdict makes counters of pairs of Counters.
    return {one.name: getattr(entry, one.name) for one in fields(entry)}


def write_entry(out: Path, entry: Entry) -> None:
    """Record what became of an input."""
    folder = out / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    state = "failed" if entry.failed else "done"
    write_text(folder / f"{part_name(entry.file)}.json", json.dumps({"state": state, **values(entry)}))


def finished_parts(out: Path) -> set[str]:
    """The part names of the inputs that have an entry."""
    return {path.stem for path in (out / FOLDER).glob("*.json")}


def read_entries(out: Path, files: Iterable[str]) -> list[Entry]:
    """The entries of those of `files` that have one."""
    entries = []
    for file in files:
        path = out / FOLDER / f"{part_name(file)}.json"
        if path.is_file():
            read = json.loads(path.read_text(encoding="utf-8"))
            del read["state"]
            counters = {name: Counter(read.pop(name)) for name in COUNTERS}
            entries.append(Entry(**read, **counters))
    return entries
