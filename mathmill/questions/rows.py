"""Rows of question files, in the formats that publishers use."""

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from xml.etree import ElementTree as ET

from mathmill.errors import UserError

Row = dict[str, Any]
NumberedRows = list[tuple[int | None, Row]]
"""Rows with their number in the file, from 0; in a file of lines, that of the line. None: the file is this one row."""

LETTERS = "ABCDEFGHIJ"


@dataclass(frozen=True, slots=True)
class BadRow:
    """What stands in the place of a row that cannot be used."""

    reason: Literal["unreadable", "not_of_layout"]
    problem: str
    """What is wrong with it, in words."""


MarkedRows = list[tuple[int | None, Row | BadRow]]
"""Numbered rows, those included that cannot be read."""


class NoRowsError(Exception):
    """A file holds no rows; the message says why."""


def read_rows(path: Path) -> NumberedRows:
    """The rows of a file: JSON Lines, JSON, CSV, TSV, Parquet or XML, told by its name.

    Raises:
        NoRowsError: the file has another format, or holds something else than rows.
        UserError: it holds rows, and then something that is none.
    """
    rows: NumberedRows = []
    for number, row in read_marked_rows(path):
        if not isinstance(row, BadRow):
            rows.append((number, row))
        elif rows:
            raise UserError(f"{path}:{(number or 0) + 1}: {row.problem}")
        else:
            raise NoRowsError(f"cannot be read as {path.suffix}: {row.problem}")
    return rows


def read_marked_rows(path: Path) -> MarkedRows:
    """As `read_rows`, with a mark for each row that cannot be read.

    Raises:
        NoRowsError: the file has another format, or holds something else than rows.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise NoRowsError(f"files are read that end in {', '.join(READERS)}")
    try:
        rows = reader(path)
    except (OSError, UnicodeDecodeError, ET.ParseError, csv.Error, ValueError) as error:
        raise NoRowsError(f"cannot be read as {path.suffix}: {' '.join(str(error).split())}") from error
    if not rows:
        raise NoRowsError("holds no rows")
    return rows


def _json_lines(path: Path) -> MarkedRows:
    lines = enumerate(path.read_bytes().split(b"\n"))
    return [(number, _json_row(line)) for number, line in lines if line.strip()]


def _json_row(line: bytes) -> Row | BadRow:
    try:
        return _object(json.loads(line.decode("utf-8")))
    except (ValueError, RecursionError) as error:
        return BadRow("unreadable", f"not valid JSON: {error}")


def _object(row: Any) -> Row | BadRow:
    if isinstance(row, dict):
        return row
    return BadRow("unreadable", f"a row is a JSON object, this is {type(row).__name__}")


def _json(path: Path) -> MarkedRows:
    """A list of objects, one object that holds one such list, or one object that is a row by itself."""
    content = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(content, dict):
        lists = [
            value for value in content.values() if isinstance(value, list) and value and isinstance(value[0], dict)
        ]
        if len(lists) != 1:
            return [(None, content)]
        (content,) = lists
    if not isinstance(content, list):
        raise NoRowsError("is no list of objects")
    return [(number, _object(row)) for number, row in enumerate(content)]


def _csv(path: Path, delimiter: str = ",") -> MarkedRows:
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.reader(file, delimiter=delimiter))
    if lines and _is_choice(lines[0]):
        return [(number, _choice(line)) for number, line in enumerate(lines) if line]
    header, *rest = lines or [[]]
    return [(number, dict(zip(header, line, strict=False))) for number, line in enumerate(rest) if line]


def _is_choice(line: list[str]) -> bool:
    """Whether a line is one of MMLU's, which have no header: a question, its choices, and the letter of one."""
    return len(line) >= 4 and len(line[-1]) == 1 and line[-1] in LETTERS[: len(line) - 2]


def _choice(line: list[str]) -> Row:
    return {"question": line[0], "options": line[1:-1], "answer": line[-1]}


def _parquet(path: Path) -> MarkedRows:
    import pyarrow.parquet as pq

    return list(enumerate(pq.read_table(path).to_pylist()))


def _xml(path: Path) -> MarkedRows:
    """Elements of which all children hold text only, as ASDiv's `<Problem ID="…"><Body>…</Body>…</Problem>`."""
    # The file is one that the user has chosen as a benchmark, and expat bounds what entities may grow to.
    root = ET.parse(path).getroot()  # noqa: S314
    flat = (one for one in root.iter() if len(one) and not any(len(child) for child in one))
    return list(enumerate({**one.attrib, **{child.tag: child.text or "" for child in one}} for one in flat))


READERS: dict[str, Callable[[Path], MarkedRows]] = {
    ".jsonl": _json_lines,
    ".json": _json,
    ".csv": _csv,
    ".tsv": lambda path: _csv(path, "\t"),
    ".parquet": _parquet,
    ".xml": _xml,
}
"""File name endings to their readers."""
