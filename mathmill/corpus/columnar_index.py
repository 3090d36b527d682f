"""Records chosen from Common Crawl's columnar index, and read by ranges of their WARC files.

The index is a table of Parquet files, sorted by `url_surtkey`: a selection by domain reads few of their row groups.
Ranges of a file that lie close together are read as one. Every record that was chosen comes out, or a `Damage` in its
place that says what is there instead.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from mathmill.corpus.fetch import Client, opened
from mathmill.corpus.http_message import parse_response, payload_digest
from mathmill.corpus.inputs import joined
from mathmill.corpus.records import Damage, NotAnArchiveError, Record, read_records
from mathmill.corpus.splits import Split, Wanted
from mathmill.errors import UserError
from mathmill.output import SUCCESS
from mathmill.recipe_corpus import IndexRecipe

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession

TABLE = "cc-index/table/"
GAP = 1 << 20
"""Bytes between two records up to which they are read in one go."""
LONGEST_RANGE = 1 << 26
"""Bytes read in one go, about: they are held in memory."""
ROWS = "file string, offset long, length long, url string, digest string, languages string"
COLUMNS = {
    "file": "warc_filename",
    "offset": "warc_record_offset",
    "length": "warc_record_length",
    "url": "url",
    "digest": "content_digest",
    "languages": "content_languages",
}
SINCE_2018 = ("content_languages",)
"""Columns that the index of older crawls lacks."""


def plan(
    spark: "SparkSession", index: IndexRecipe, parquet_files: Sequence[str], base: str, folder: Path, client: Client
) -> "DataFrame":
    """The records that the index selects: a row `file`, `wanted` for each WARC file. It is made once, in `folder`.

    Args:
        spark: a task for each Parquet file looks for the records.
        index: what is selected.
        parquet_files: of the index.
        base: what the index's file names are relative to, where the Parquet files do not lie in a `cc-index` of it.
        folder: keeps the plan.
        client: who asks web servers.

    Raises:
        UserError: the index cannot be selected from, or no record is.
    """
    from pyspark.sql import functions as F

    if not (folder / SUCCESS).is_file():
        _check(index, parquet_files[0], client)
        files = spark.createDataFrame([(file,) for file in parquet_files], "file string").repartition(
            len(parquet_files)
        )
        rows = files.mapInArrow(partial(_select, index=index, base=base, client=client), ROWS)
        wanted = F.sort_array(F.collect_set(F.struct("offset", "length", "url", "digest", "languages")))
        rows.groupBy("file").agg(wanted.alias("wanted")).write.mode("overwrite").parquet(str(folder))
    chosen = spark.read.parquet(str(folder))
    if chosen.isEmpty():
        raise UserError("corpus.index selects no record: widen its domains, languages, mime or statuses")
    return chosen


def planned_split(row: "Row") -> Split:
    """The unit of work that a row of the plan stands for."""
    return Split(row["file"], wanted=tuple(Wanted(*one) for one in row["wanted"]))


def read_wanted(stream: IO[bytes], wanted: Iterable[Wanted], limit: int) -> Iterator[Record | Damage]:
    """The records of a WARC file that are `wanted`, in their order, each compared with what the index says of it."""
    for group in _coalesced(wanted):
        start = group[0].offset
        stream.seek(start)
        data = stream.read(group[-1].offset + group[-1].length - start)
        for one in group:
            at = one.offset - start
            yield _compared(one, data[at : at + one.length], limit)


def _coalesced(wanted: Iterable[Wanted]) -> Iterator[list[Wanted]]:
    """Runs of records that are read in one go; `wanted` is sorted by offset."""
    group: list[Wanted] = []
    for one in wanted:
        if group:
            end = group[-1].offset + group[-1].length
            if one.offset - end > GAP or one.offset + one.length - group[0].offset > LONGEST_RANGE:
                yield group
                group = []
        group.append(one)
    if group:
        yield group


def _compared(one: Wanted, data: bytes, limit: int) -> Record | Damage:
    try:
        found = next(read_records(BytesIO(data), limit), None)
    except NotAnArchiveError:
        found = None
    if found is None:
        return Damage(one.offset, one.length, "there is no record", "missing_record", one.url)
    if isinstance(found, Damage):
        return found._replace(offset=one.offset, url=one.url)
    if found.url != one.url:
        return Damage(one.offset, one.length, f"there is {found.url[:200]}", "missing_record", one.url)
    response = parse_response(found.content)
    if one.digest and response and found.size == len(found.content) and payload_digest(response) != one.digest:
        return Damage(one.offset, one.length, "", "digest_mismatch", one.url)
    return found._replace(offset=one.offset, languages=one.languages)


def _select(batches: Iterable[Any], index: IndexRecipe, base: str, client: Client) -> Iterator[Any]:
    """Rows of the plan from batches of Parquet files."""
    import pyarrow as pa

    from mathmill.corpus.parts import arrow_schema

    schema = arrow_schema(ROWS)
    for batch in batches:
        for file in batch.column("file").to_pylist():
            root, mark, _ = file.rpartition(TABLE)
            place = (root or ".") if mark else base
            with opened(file, client, exact=True) as stream:
                for rows in matching(stream, index):
                    columns = {
                        name: rows.column(column) for name, column in COLUMNS.items() if column in rows.schema.names
                    }
                    columns["file"] = pa.array([joined(place, name) for name in columns["file"].to_pylist()])
                    missing = {name: pa.nulls(len(rows)) for name in COLUMNS if name not in columns}
                    arrays = [(columns | missing)[field.name].cast(field.type) for field in schema]
                    yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def matching(stream: IO[bytes], index: IndexRecipe) -> Iterator[Any]:
    """The rows of a Parquet file of the index that are selected, in batches."""
    import pyarrow as pa
    from pyarrow import dataset

    fragment = dataset.ParquetFileFormat().make_fragment(pa.PythonFile(stream, "r"))
    there = fragment.physical_schema.names
    columns = [column for column in COLUMNS.values() if column in there]
    yield from fragment.to_batches(columns=columns, filter=_condition(index))


def _condition(index: IndexRecipe) -> Any:
    from pyarrow import compute

    condition = compute.field("fetch_status").isin(index.statuses)
    if index.mime:
        condition &= compute.field("content_mime_detected").isin(index.mime)
    if index.languages:
        first = f"^({'|'.join(index.languages)})(,|$)"
        condition &= compute.match_substring_regex(compute.field("content_languages"), first)
    if index.domains:
        names = [domain.lower() for domain in index.domains]
        host, domain = compute.field("url_host_name"), compute.field("url_host_registered_domain")
        condition &= host.isin(names) | domain.isin(names)
    return condition


def _check(index: IndexRecipe, file: str, client: Client) -> None:
    """Whether the index can be read and has the columns that `index` selects by."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with opened(file, client, exact=True) as stream:
            there = pq.read_schema(pa.PythonFile(stream, "r")).names
    except (OSError, pa.ArrowInvalid, ImportError) as error:
        raise UserError(f"{file} is no Parquet file of a columnar index ({error}): check corpus.input") from None
    needed = [*COLUMNS.values(), "fetch_status", "content_mime_detected", "url_host_registered_domain"]
    absent = [column for column in needed if column not in there and (column not in SINCE_2018 or index.languages)]
    if absent:
        raise UserError(f"{file} has no column {absent[0]}: corpus.index cannot select from it")
