"""Decisions about URL prefixes: which are mathematics, by whom, when; as a table and as a file for people."""

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mathmill.corpus.addresses import split
from mathmill.errors import UserError

AUTO = "auto"
"""The annotator of what thresholds decided."""
COLUMNS = ("url_prefix", "is_math", "annotator", "time")
WORDS = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}
"""How a CSV file may write `is_math`, in any case."""
DEPTH = 2
"""Folders of the longest prefix that pages are counted under (`mathmill.corpus.addresses.prefixes`)."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the pages under a URL prefix are mathematics."""

    url_prefix: str
    is_math: bool
    annotator: str
    """A person's name, or `auto`."""
    time: datetime
    """UTC."""

    @property
    def by_person(self) -> bool:
        """Whether somebody made it, and no thresholds."""
        return self.annotator != AUTO


def read_table(annotations: Path) -> list[Decision]:
    """The table `annotations` of the stage's output."""
    import pyarrow.parquet as pq

    rows = pq.read_table(annotations / "annotations", columns=list(COLUMNS)).to_pylist()
    return [Decision(**{**row, "time": row["time"].replace(tzinfo=UTC)}) for row in rows]


def write_table(decisions: Iterable[Decision], annotations: Path) -> None:
    """Write the table `annotations` of the stage's output."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {"url_prefix": pa.string(), "is_math": pa.bool_(), "annotator": pa.string(), "time": pa.timestamp("us")}
    rows = [{name: getattr(one, name) for name in COLUMNS} for one in decisions]
    (annotations / "annotations").mkdir()
    pq.write_table(
        pa.Table.from_pylist(rows, pa.schema(types)), annotations / "annotations" / "part-0.parquet", compression="zstd"
    )


def to_json_lines(decisions: Iterable[Decision]) -> str:
    """One object a line, with the table's columns; `read_decisions` reads it back."""
    lines = [{name: getattr(one, name) for name in COLUMNS} | {"time": one.time.isoformat()} for one in decisions]
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def read_decisions(path: Path) -> list[Decision]:
    """The decisions in a file: CSV with a header if its name ends in `.csv`, else JSON Lines.

    `url_prefix` and `is_math` must be there. A prefix may be written as a URL. Without `annotator` a decision is the
    file's, by its name; without `time` it is made now.

    Raises:
        UserError: a line cannot be used; the message names it.
    """
    read = _csv_rows if path.suffix == ".csv" else _json_rows
    try:
        rows = read(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is not UTF-8: save it as such") from error
    now = datetime.now(UTC)
    return [_decision(row, f"{path}, line {number}", path.name, now) for number, row in rows]


def _csv_rows(path: Path) -> list[tuple[int, Mapping[str, Any]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        return [
            (reader.line_num, {**row, "is_math": WORDS.get((row.get("is_math") or "").strip().lower())})
            for row in reader
        ]


def _json_rows(path: Path) -> list[tuple[int, Mapping[str, Any]]]:
    rows: list[tuple[int, Mapping[str, Any]]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise UserError(f"{path}, line {number}: is no JSON: {error}") from error
        if not isinstance(row, dict):
            raise UserError(f"{path}, line {number}: is no object: write url_prefix and is_math")
        rows.append((number, row))
    return rows


def _decision(row: Mapping[str, Any], place: str, file: str, now: datetime) -> Decision:
    prefix, is_math = row.get("url_prefix"), row.get("is_math")
    if not isinstance(prefix, str) or not prefix.strip():
        raise UserError(f"{place}: has no url_prefix: name one, such as example.org/algebra")
    if not isinstance(is_math, bool):
        raise UserError(f"{place}: is_math is neither true nor false")
    time = _time(row["time"], place) if row.get("time") else now
    return Decision(_prefix(prefix, place), is_math, str(row.get("annotator") or file), time)


def _prefix(text: str, place: str) -> str:
    """The prefix in the form in which pages are counted under it."""
    address = split(text if "//" in text else f"//{text}")
    folders = [folder for folder in address.path.split("/") if folder]
    if not address.host or len(folders) > DEPTH:
        raise UserError(f"{place}: url_prefix '{text}' is not a host with at most {DEPTH} folders")
    return "/".join([address.host, *folders])


def _time(text: Any, place: str) -> datetime:
    try:
        time = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise UserError(f"{place}: time '{text}' is none: write it as 2026-01-31T12:00:00+00:00") from error
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
