"""WARC files to pages: every response record becomes a page or a rejected record with its reason."""

import argparse
import gzip
import sys
from collections.abc import Iterator, Sequence
from glob import glob
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from mathmill.corpus.fetch import CRAWL_ID, is_remote, listed_urls, listing_url, opened
from mathmill.corpus.session import run_spark_job
from mathmill.corpus.tables import PAGES, REJECTED
from mathmill.errors import UserError
from mathmill.job import Figures, Job, job_parser

BATCH = 200
"""Pages held in memory at once."""
HTML = ("text/html", "application/xhtml+xml")


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point."""
    parser = job_parser(__doc__)
    parser.add_argument(
        "--input", nargs="+", help="WARC files, globs, warc.paths.gz or crawl ids (default: corpus.input)"
    )
    arguments = parser.parse_args(argv)
    return run_spark_job("ingest", arguments, run)


def run(spark: SparkSession, job: Job, arguments: argparse.Namespace) -> Figures:
    """Write `pages` and `rejected`."""
    files = warc_files(arguments.input or job.recipe.corpus.input)
    files = files[: job.recipe.corpus.files or len(files)]
    least = job.recipe.corpus.min_characters
    schema = f"{PAGES}, reason string"
    rows = (
        spark.createDataFrame([(file,) for file in files], "file string")
        .repartition(len(files))
        .mapInArrow(lambda batches: _rows(batches, least), schema)
    )
    rows.write.parquet(str(job.out / "records"))
    records = spark.read.parquet(str(job.out / "records"))
    records.where("reason is null").drop("reason").write.parquet(str(job.out / "pages"))
    rejected = records.where("reason is not null").select(*[c.split()[0] for c in REJECTED.split(", ")])
    rejected.write.parquet(str(job.out / "rejected"))
    reasons = {row["reason"]: row["count"] for row in rejected.groupBy("reason").count().collect()}
    job.run.log_table({"reason": list(reasons), "records": list(reasons.values())}, "rejected.json")
    pages = spark.read.parquet(str(job.out / "pages"))
    tokens = pages.agg(F.sum("token_count")).first()
    import shutil

    shutil.rmtree(job.out / "records")
    return {
        "files": len(files),
        "pages": pages.count(),
        "rejected": sum(reasons.values()),
        "tokens": int(tokens[0] or 0) if tokens else 0,
    }


def warc_files(inputs: Sequence[str]) -> list[str]:
    """The paths and addresses of the WARC files that `inputs` name, in order.

    Raises:
        UserError: an input names none.
    """
    files: list[str] = []
    for given in inputs:
        one = listing_url(given) if CRAWL_ID.fullmatch(given) else given
        if is_remote(one):
            files += listed_urls(one) if one.endswith("paths.gz") else [one]
        elif one.endswith("paths.gz"):
            files += _listed(Path(one))
        else:
            found = sorted(glob(one, recursive=True))
            if not found:
                raise UserError(f"--input {one}: no such file")
            files += found
    if not files:
        raise UserError("no input: give --input, or corpus.input in the recipe")
    return files


def _listed(listing: Path) -> list[str]:
    if not listing.is_file():
        raise UserError(f"--input {listing}: no such file")
    root = next((parent.parent for parent in listing.parents if parent.name == "crawl-data"), listing.parent)
    names = gzip.decompress(listing.read_bytes()).decode().split()
    if missing := [name for name in names if not (root / name).is_file()]:
        raise UserError(f"{listing} lists {missing[0]}, which is not under {root}")
    return [str(root / name) for name in names]


def _rows(batches: Iterator[Any], least: int) -> Iterator[Any]:
    import pyarrow as pa

    types = {
        "string": pa.string(),
        "long": pa.int64(),
        "boolean": pa.bool_(),
        "timestamp": pa.timestamp("us", tz="UTC"),
    }
    columns = [column.split() for column in f"{PAGES}, reason string".split(", ")]
    schema = pa.schema([(name, types[kind]) for name, kind in columns])
    for batch in batches:
        for file in batch.column("file").to_pylist():
            records = _records(file, least)
            while rows := list(islice(records, BATCH)):
                yield pa.RecordBatch.from_pylist(rows, schema)


def _records(file: str, least: int) -> Iterator[dict[str, Any]]:
    """A row for each response record of a file; a damaged file ends with a row that says so."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    path = Path(file)
    with opened(file) as stream:
        try:
            for record in ArchiveIterator(stream, record_types=WarcRecordType.response, parse_http=True):
                yield _row(record, path, least)
        except (OSError, EOFError, ValueError) as error:
            yield {"url": None, "warc_filename": path.name, "reason": f"damaged_file: {error}"}


def _row(record: Any, file: Path, least: int) -> dict[str, Any]:
    from mathmill.corpus.extraction import extract
    from mathmill.corpus.words import words

    url = record.headers.get("WARC-Target-URI", "").strip("<>")
    row: dict[str, Any] = {
        "url": url,
        "warc_filename": file.name,
        "warc_record_offset": record.stream_pos,
        "crawl": next((part for part in file.parts if part.startswith("CC-")), ""),
        "fetch_time": record.record_date,
        "content_digest": (record.headers.get("WARC-Payload-Digest") or "").removeprefix("sha1:"),
    }
    status = record.http_headers.status_code if record.http_headers else None
    kind = (record.http_content_type or "").lower()
    row["content_mime_detected"] = kind
    if status != 200:
        return row | {"reason": f"http_status_{status}"}
    if kind not in HTML:
        return row | {"reason": "not_html"}
    body = record.reader.read()
    row["warc_record_length"] = len(body)
    if not body.strip():
        return row | {"reason": "empty"}
    extracted = extract(body)
    if len(extracted.text) < least:
        return row | {"reason": "too_short"}
    return (
        row
        | _address(url)
        | {
            "text": extracted.text,
            "has_math": extracted.has_math,
            "token_count": len(words(extracted.text)),
            "content_languages": "",
        }
    )


def _address(url: str) -> dict[str, str]:
    from mathmill.corpus.addresses import registered_domain, surt

    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    return {
        "url_surtkey": surt(url),
        "url_host_name": host,
        "url_host_registered_domain": registered_domain(host),
        "url_path": parts.path,
    }


if __name__ == "__main__":
    # Under its own name, so that Spark's workers find its functions there.
    sys.exit(import_module("mathmill.corpus.ingest").main())
