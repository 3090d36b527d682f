"""The tables `pages` and `rejected`: each input file's part of them is one Parquet file each, whole or not there."""

import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from mathmill.corpus.page import Page, Rejection
from mathmill.corpus.tables import PAGES, REJECTED

ROWS = 1000
"""Rows that are written at a time, at most."""
TEXT = 1 << 24
"""Characters of text that are written at a time, about: what bounds a task's memory."""
TYPES = {
    "string": pa.string(),
    "long": pa.int64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}


def arrow_schema(columns: str) -> pa.Schema:
    """The Arrow schema of a table whose columns are given as Spark does: `name type, …`."""
    return pa.schema([(name, TYPES[kind]) for name, kind in (column.split() for column in columns.split(", "))])


class Rows:
    """Rows of one table on their way into its file."""

    def __init__(self, path: Path, columns: str) -> None:
        self._schema = arrow_schema(columns)
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd")
        self._rows: list[NamedTuple] = []

    def add(self, row: NamedTuple) -> None:
        """Take a row; it is written with others."""
        self._rows.append(row)
        if len(self._rows) >= ROWS:
            self.flush()

    def flush(self) -> None:
        """Write the rows taken so far."""
        if self._rows:
            columns = zip(*self._rows, strict=True)
            arrays = [pa.array(column, kind) for column, kind in zip(columns, self._schema.types, strict=True)]
            self._writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=self._schema))
            self._rows.clear()

    def close(self) -> None:
        """Write what is left."""
        self.flush()
        self._writer.close()


def write_parts(out: Path, name: str, outcomes: Iterable[Page | Rejection]) -> None:
    """Write `pages/<name>.parquet` and `rejected/<name>.parquet` under `out`.

    Another attempt at the same input, run beside this one, writes the same and does no harm.
    """
    with (
        _replacing(out / "pages" / f"{name}.parquet") as pages_path,
        _replacing(out / "rejected" / f"{name}.parquet") as rejected_path,
    ):
        pages, rejected = Rows(pages_path, PAGES), Rows(rejected_path, REJECTED)
        size = 0
        for outcome in outcomes:
            if isinstance(outcome, Page):
                pages.add(outcome)
                size += len(outcome.text)
                if size > TEXT:
                    pages.flush()
                    size = 0
            else:
                rejected.add(outcome)
        pages.close()
        rejected.close()


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; it takes that name at the end, and goes if the block fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
