"""The units of work of an ingest: files, parts of large files, or what an index selects of a file."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from mathmill.corpus.records import NotAnArchiveError, Record, crawl_of, read_records

LEAST_BYTES = 8 << 20
"""A split of fewer would not pay: opening, writing and scheduling it cost about a tenth of a second."""
MOST_SPLITS = 1000
"""About so many splits at most are made of all files; where there are as many files, they are not split."""


class Wanted(NamedTuple):
    """A record that the columnar index names."""

    offset: int
    length: int
    url: str
    digest: str | None
    """SHA-1 of the payload in base 32."""
    languages: str | None


@dataclass(frozen=True, slots=True)
class Split:
    """The records of a file that start between two offsets, or those of it that are wanted."""

    file: str
    start: int = 0
    end: int | None = None
    crawl: str = ""
    """The id of the crawl, where the file's first record says it and this split does not hold that."""
    wanted: tuple[Wanted, ...] | None = None

    @property
    def name(self) -> str:
        """What its parts are called: the file's own name, and a digest of its whole path and the offsets."""
        digest = hashlib.sha256(f"{self.file} {self.start} {self.end}".encode()).hexdigest()[:12]
        return f"{PurePosixPath(self.file).name.split('.')[0][:80]}-{digest}"


def splits_of(files: Sequence[str]) -> list[Split]:
    """The files, large ones of this machine in splits, so that few files keep many cores busy.

    A file of a server is read in one go. Only gzip files with a member a record can be read from the middle.
    """
    sizes = {file: Path(file).stat().st_size for file in files if "://" not in file}
    least = max(LEAST_BYTES, sum(sizes.values()) // MOST_SPLITS)
    return [split for file in files for split in _splits(file, sizes.get(file, 0), least)]


def _splits(file: str, size: int, least: int) -> list[Split]:
    parts = size // least
    first = _first_record(file) if parts > 1 else None
    if first is None or first.length is None:
        return [Split(file)]
    crawl = crawl_of(first)
    borders = [0, *(size * number // parts for number in range(1, parts)), None]
    return [Split(file, start or 0, end, crawl) for start, end in pairwise(borders)]


def _first_record(file: str) -> Record | None:
    """The file's first record, if it is the only one in its gzip member; None also for what is no archive."""
    with Path(file).open("rb") as stream:
        if stream.read(2) != b"\x1f\x8b":
            return None
        try:
            first = next(read_records(stream, limit=1 << 20), None)
        except NotAnArchiveError:
            return None
    return first if isinstance(first, Record) else None
