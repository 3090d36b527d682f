"""Output directories that are complete or absent.

A stage writes into `<name>.partial` beside its output directory; when it is done the folder gets an
empty `_SUCCESS` file and its final name in one rename. So a reader never meets a half-written output, and a job
killed at any moment leaves at most a `.partial` folder, which the next try replaces or resumes from.
"""

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from mathmill.errors import UserError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SUCCESS = "_SUCCESS"
PARTIAL = ".partial"


def is_finished(directory: Path) -> bool:
    """Whether `directory` is an output that some job completed.

    A partial folder is none, even one whose job was killed between `_SUCCESS` and the rename.
    """
    return directory.suffix != PARTIAL and (directory / SUCCESS).is_file()


def require_finished(directory: Path, made_by: str) -> Path:
    """`directory` itself when it is a finished output.

    Raises:
        UserError: it is missing or half-written; the message names `made_by`, the command that makes it.
    """
    if not directory.is_dir():
        raise UserError(f"{directory} does not exist: make it with `{made_by}`")
    if not is_finished(directory):
        raise UserError(f"{directory} has no {SUCCESS}, so it is not complete: run `{made_by}` again")
    return directory


def partial_path(out: Path) -> Path:
    """Where the output that will be `out` is written until it is complete."""
    return out.with_name(out.name + PARTIAL)


@contextmanager
def output_directory(out: Path, *, resume: bool = False) -> Iterator[Path]:
    """Yield the folder to write to; rename it to `out` when the block ends without an exception.

    Args:
        out: the final directory, which must not exist.
        resume: keep what an earlier, interrupted try left in the partial folder (checkpoints).

    Raises:
        UserError: something that is no finished output already stands at `out`, or its name is that of a partial one.
    """
    if out.suffix == PARTIAL:
        raise UserError(f"{out}: names that end in {PARTIAL} are for unfinished outputs: choose another --out")
    if out.exists():
        raise UserError(f"{out} exists already and is no output of this job: choose another --out or remove it")
    partial = partial_path(out)
    if partial.exists() and not resume:
        shutil.rmtree(partial)
    partial.mkdir(parents=True, exist_ok=True)
    (partial / SUCCESS).unlink(missing_ok=True)
    yield partial
    (partial / SUCCESS).touch()
    _flush_directory(partial)
    os.rename(partial, out)
    _flush_directory(out.parent)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` so that a reader sees the old content or the new, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


def write_records(path: Path, records: "Sequence[DataclassInstance]") -> None:
    """Write records as a list of JSON objects, as `write_text` does."""
    write_text(path, json.dumps([asdict(one) for one in records], indent=2, ensure_ascii=False))


def write_parquet(path: Path, records: "Sequence[DataclassInstance]") -> None:
    """Write records as rows of a Parquet file, into a folder that is not finished."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist([asdict(one) for one in records]), path, compression="zstd")


def _flush_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
