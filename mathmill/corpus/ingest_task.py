"""What a Spark task of the ingest does: read one split, write its parts of the tables, and say so in the manifest."""

import io
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

import pyarrow as pa

from mathmill.corpus.addresses import registry_domain, surt
from mathmill.corpus.columnar_index import read_wanted
from mathmill.corpus.extraction import extract
from mathmill.corpus.fetch import Client, RemoteFile, opened
from mathmill.corpus.guard import Watch, guarded
from mathmill.corpus.language import languages
from mathmill.corpus.manifest import Entry, read_entry, write_entry
from mathmill.corpus.page import Page, PageRules, Rejection, archive_of, read_pages
from mathmill.corpus.parts import write_parts
from mathmill.corpus.records import NotAnArchiveError, read_records
from mathmill.corpus.splits import Split
from mathmill.corpus.words import count_words


@dataclass(frozen=True, slots=True)
class IngestTask:
    """How splits are read."""

    out: Path
    """The folder that holds the tables and the manifest."""
    rules: PageRules
    page_seconds: float
    client: Client

    def __call__(self, split: Split) -> None:
        """Read a split, unless it is done already.

        A file that cannot be read is told in the manifest; what else goes wrong is an error of the program.
        """
        done = read_entry(self.out, split.name)
        if done is None or done.failed:
            _warm_up()
            guarded(lambda watch: self.read(split, watch), self.page_seconds)

    def read(self, split: Split, watch: Watch) -> None:
        """Write the parts and the entry of a split."""
        entry = Entry(split.name, split.file, split.start)
        started, cpu_started = time.monotonic(), time.process_time()
        try:
            write_parts(self.out, split.name, self._outcomes(split, watch, entry))
        except (OSError, NotAnArchiveError) as error:
            entry = Entry(split.name, split.file, split.start, failed=_reason(error))
        entry.seconds = round(time.monotonic() - started, 3)
        entry.cpu_seconds = round(time.process_time() - cpu_started, 3)
        write_entry(self.out, entry)

    def _outcomes(self, split: Split, watch: Watch, entry: Entry) -> Iterator[Page | Rejection]:
        """The pages and rejected records of a split, counted in `entry`."""
        with opened(split.file, self.client, exact=split.wanted is not None) as stream:
            if split.wanted is None:
                records = read_records(stream, self.rules.max_bytes, split.start, split.end)
            else:
                records = read_wanted(stream, split.wanted, self.rules.max_bytes)
            archive = archive_of(split.file, split.crawl)
            for outcome in read_pages(records, archive, self.rules, watch, entry.formulas):
                entry.count(outcome)
                yield outcome
            entry.bytes, entry.etag = _extent(split, stream)


@cache
def _warm_up() -> None:
    """Load what the first page loads, once in a Spark worker, so that the processes forked from it have it."""
    extract(b"<html><body><p>The <b>root</b> of <i>x</i> is $\\sqrt{x}$.</p></body></html>", charset="utf-8")
    languages("The root")
    count_words("The root")
    surt("https://example.org/")
    registry_domain("example.org")
    pa.array(())  # imports pandas


def _extent(split: Split, stream: IO[bytes]) -> tuple[int | None, str | None]:
    """Bytes of the split, as far as they are known, and the server's name of the file's version."""
    if split.wanted is not None:
        return sum(one.length for one in split.wanted), None
    raw = getattr(stream, "raw", None)
    if isinstance(raw, RemoteFile):
        return raw.size, raw.etag
    size = os.fstat(stream.fileno()).st_size if isinstance(raw, io.FileIO) else stream.seek(0, os.SEEK_END)
    return (split.end or size) - split.start, None


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
