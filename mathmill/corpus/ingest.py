"""WARC and ARC files to pages: every record becomes a page or a rejected record with its reason."""

import argparse
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from mathmill.corpus.columnar_index import plan, planned_split
from mathmill.corpus.fetch import client_of
from mathmill.corpus.ingest_task import IngestTask
from mathmill.corpus.inputs import INDEX_LISTING, WARC_LISTING, input_files
from mathmill.corpus.manifest import COUNTERS, FOLDER, Entry, finished_parts, read_entry
from mathmill.corpus.page import PageRules
from mathmill.corpus.session import run_spark_job
from mathmill.corpus.splits import Split, splits_of
from mathmill.errors import UserError
from mathmill.job import Figures, Job, job_parser
from mathmill.progress import progress
from mathmill.recipe import Recipe
from mathmill.recipe_corpus import CorpusRecipe, IndexRecipe
from mathmill.reuse.reads import Reads

if TYPE_CHECKING:
    from pyspark import RDD
    from pyspark.sql import SparkSession

POLL_SECONDS = 0.25
PLAN = "plan"
MOST_TASKS = 10_000
"""Spark tasks at a time; a task of more splits reads them one after another."""


def read_files(recipe: Recipe, arguments: argparse.Namespace) -> list[str]:
    """The WARC files, or those of the index, that the input names."""
    corpus = recipe.corpus
    listing = WARC_LISTING if corpus.index is None else INDEX_LISTING
    return input_files(arguments.input or corpus.input, corpus.base, client_of(corpus.contact), listing)


READS = Reads(
    (
        "corpus.input",
        "corpus.base",
        "corpus.index",
        "corpus.files",
        "corpus.contact",
        "corpus.min_bytes",
        "corpus.page_bytes",
        "corpus.page_seconds",
    ),
    read_files,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point. An ingest that was interrupted goes on with what it had not read."""
    parser = job_parser(__doc__, reusable=True)
    parser.add_argument(
        "--input",
        nargs="+",
        help="WARC or ARC files, globs, lists (….paths.gz) or crawl ids (default: corpus.input)",
    )
    arguments = parser.parse_args(argv)
    return run_spark_job("ingest", arguments, run, resume=True, reads=READS)


def run(spark: "SparkSession", job: Job, arguments: argparse.Namespace) -> Figures:
    """Write the tables `pages` and `rejected`, and the `manifest`."""
    corpus = job.recipe.corpus
    files = read_files(job.recipe, arguments)
    task = IngestTask(
        job.out, PageRules(corpus.min_bytes, corpus.page_bytes), corpus.page_seconds, client_of(corpus.contact)
    )
    if corpus.index is None:
        names, work = _whole_files(spark, files[: corpus.files], task)
    else:
        names, work = _selection(spark, corpus, corpus.index, files, task)
    done = finished_parts(job.out)
    for _ in progress(_finished(work, task, set(names) - done), total=len(names), unit="parts", start=len(done)):
        pass
    entries = [entry for name in names if (entry := read_entry(job.out, name))]
    _check(entries)
    shutil.rmtree(job.out / PLAN, ignore_errors=True)
    return _report(job, entries)


def _whole_files(spark: "SparkSession", files: Sequence[str], task: IngestTask) -> tuple[list[str], "RDD[Split]"]:
    """The names of all splits, and those that are not done yet."""
    splits = splits_of(files)
    names = [split.name for split in splits]
    _forget_others(task.out, set(names))
    done = finished_parts(task.out)
    todo = [split for split in splits if split.name not in done]
    return names, spark.sparkContext.parallelize(todo, max(1, min(len(todo), MOST_TASKS)))


def _selection(
    spark: "SparkSession", corpus: CorpusRecipe, index: IndexRecipe, parquet_files: Sequence[str], task: IngestTask
) -> tuple[list[str], "RDD[Split]"]:
    """The names of all WARC files that hold a record that the index selects, and the records of each."""
    chosen = plan(spark, index, parquet_files, corpus.base, task.out / PLAN, task.client)
    if corpus.files is not None:
        chosen = chosen.orderBy("file").limit(corpus.files)
    names = [Split(row["file"]).name for row in chosen.select("file").collect()]
    _forget_others(task.out, set(names))
    return names, chosen.repartition(min(len(names), MOST_TASKS)).rdd.map(planned_split)


def _finished(work: "RDD[Split]", task: IngestTask, waiting: set[str]) -> Iterator[str]:
    """Have Spark do the work; the name of each split as soon as it is done."""
    if not waiting:
        return
    with ThreadPoolExecutor(1) as beside:
        running: Future[None] = beside.submit(work.foreach, task)
        try:
            while waiting:
                has_ended = bool(wait([running], POLL_SECONDS).done)
                finished = finished_parts(task.out) & waiting
                yield from finished
                waiting -= finished
                if has_ended:
                    running.result()
                    break
        except BaseException:
            work.context.cancelAllJobs()
            raise


def _forget_others(out: Path, names: set[str]) -> None:
    """Remove what an earlier try left of what is not of the input any more, and of what it could not read."""
    failed = {name for name in finished_parts(out) & names if (entry := read_entry(out, name)) and entry.failed}
    for folder in ("pages", "rejected", FOLDER):
        for path in (out / folder).glob("*"):
            if path.stem not in names - failed:
                path.unlink()


def _check(entries: Sequence[Entry]) -> None:
    """Whether everything was read.

    Raises:
        UserError: a file was not; what was read is kept for the next try.
    """
    failed = [entry for entry in entries if entry.failed]
    if failed:
        files = {entry.file for entry in failed}
        more = f" and {len(files) - 1} more" if len(files) > 1 else ""
        raise UserError(
            f"{failed[0].file}{more} could not be read ({failed[0].failed}): run again to go on with what is missing"
        )


def _report(job: Job, entries: Sequence[Entry]) -> Figures:
    """Log the tables of the run; its figures."""
    for name, column in zip(COUNTERS, ("reason", "markup", "language"), strict=True):
        total: Counter[str] = sum((getattr(entry, name) for entry in entries), Counter())
        job.run.log_table({column: list(total), "count": list(total.values())}, f"{name}.json")
    columns = ("file", "start", "bytes", "records", "pages", "tokens", "seconds")
    job.run.log_table({column: [getattr(entry, column) for entry in entries] for column in columns}, "files.json")
    pages, seconds = sum(entry.pages for entry in entries), sum(entry.cpu_seconds for entry in entries)
    return {
        "files": len({entry.file for entry in entries}),
        "bytes": sum(entry.bytes or 0 for entry in entries),
        "records": sum(entry.records for entry in entries),
        "pages": pages,
        "rejected": sum(entry.rejected.total() for entry in entries),
        "tokens": sum(entry.tokens for entry in entries),
        "formulas": sum(entry.formulas.total() for entry in entries),
        "pages_per_core_second": round(pages / seconds, 1) if seconds else 0.0,
    }


if __name__ == "__main__":
    # Under its own name, so that Spark's workers find its functions there.
    sys.exit(import_module("mathmill.corpus.ingest").main())
