"""WARC and ARC files to pages: every record becomes a page or a rejected record with its reason."""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from pyspark.sql import SparkSession

from mathmill.corpus.fetch import opened
from mathmill.corpus.inputs import warc_files
from mathmill.corpus.manifest import FOLDER, Entry, finished_parts, part_name, read_entries, write_entry
from mathmill.corpus.page import Page, PageRules, Rejection, archive_of, read_pages
from mathmill.corpus.parts import write_parts
from mathmill.corpus.records import NotAnArchiveError, read_records
from mathmill.corpus.session import run_spark_job
from mathmill.errors import UserError
from mathmill.job import Figures, Job, job_parser
from mathmill.progress import progress

POLL_SECONDS = 0.5


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point. An ingest that was interrupted goes on with the files that it had not done."""
    parser = job_parser(__doc__)
    parser.add_argument(
        "--input", nargs="+", help="WARC files, globs, warc.paths.gz or crawl ids (default: corpus.input)"
    )
    arguments = parser.parse_args(argv)
    return run_spark_job("ingest", arguments, run, resume=True)


def run(spark: SparkSession, job: Job, arguments: argparse.Namespace) -> Figures:
    """Write `pages`, `rejected` and `manifest`."""
    corpus = job.recipe.corpus
    files = warc_files(arguments.input or corpus.input)
    files = files[: corpus.files or len(files)]
    _forget_others(job.out, files)
    done = [entry for entry in read_entries(job.out, files) if not entry.failed]
    task = FileTask(job.out, PageRules(corpus.min_characters, corpus.page_bytes))
    todo = sorted(set(files) - {entry.file for entry in done}, key=files.index)
    for _ in progress(_entries(spark, task, todo), total=len(files), unit="files", start=len(done)):
        pass
    entries = read_entries(job.out, files)
    _check(entries)
    return _report(job, entries)


@dataclass(frozen=True, slots=True)
class FileTask:
    """What a Spark task does with an input file."""

    out: Path
    rules: PageRules

    def __call__(self, file: str) -> None:
        """Write the parts of `file` and its entry in the manifest."""
        entry = Entry(file)
        started = time.monotonic()
        try:
            write_parts(self.out, part_name(file), self._counted(file, entry))
        except (OSError, NotAnArchiveError) as error:
            entry = Entry(file, failed=f"{type(error).__name__}: {error}")
        entry.seconds = round(time.monotonic() - started, 3)
        write_entry(self.out, entry)

    def _counted(self, file: str, entry: Entry) -> Iterator[Page | Rejection]:
        with opened(file) as stream:
            records = read_records(stream, self.rules.max_bytes)
            for outcome in read_pages(records, archive_of(file), self.rules):
                entry.records += 1
                if isinstance(outcome, Page):
                    entry.pages += 1
                    entry.tokens += outcome.token_count
                    entry.languages[outcome.content_languages.partition(",")[0]] += 1
                else:
                    entry.rejected[outcome.reason] += 1
                yield outcome
            entry.bytes = stream.seek(0, 2)


def _entries(spark: SparkSession, task: FileTask, files: Sequence[str]) -> Iterator[str]:
    """Run `task` on `files` in Spark; the name of each file's parts as soon as they are there."""
    if not files:
        return
    context = spark.sparkContext
    waiting = {part_name(file) for file in files}
    with ThreadPoolExecutor(1) as beside:
        running: Future[object] = beside.submit(context.parallelize(files, len(files)).foreach, task)
        try:
            while waiting:
                ended, _ = wait([running], POLL_SECONDS)
                finished = finished_parts(task.out) & waiting
                yield from finished
                waiting -= finished
                if ended:
                    running.result()
        except BaseException:
            context.cancelAllJobs()
            raise


def _forget_others(out: Path, files: Iterable[str]) -> None:
    """Remove what an earlier try left of files that are not, or no longer, of the input, and of failed ones."""
    keep = {part_name(entry.file) for entry in read_entries(out, files) if not entry.failed}
    for folder in ("pages", "rejected", FOLDER):
        for path in (out / folder).glob("*"):
            if path.stem not in keep:
                path.unlink()


def _check(entries: Sequence[Entry]) -> None:
    failed = [entry for entry in entries if entry.failed]
    if failed:
        raise UserError(
            f"{len(failed)} of {len(entries)} input files could not be read, the first is {failed[0].file}"
            f" ({failed[0].failed}): run again to go on with these"
        )


def _report(job: Job, entries: Sequence[Entry]) -> Figures:
    """Log the tables of the run; its figures."""
    counters = {"rejected": "reason", "formulas": "markup", "languages": "language"}
    for name, column in counters.items():
        total: Counter[str] = sum((getattr(entry, name) for entry in entries), Counter())
        job.run.log_table({column: list(total), "count": list(total.values())}, f"{name}.json")
    columns = ("file", "bytes", "records", "pages", "tokens", "seconds")
    job.run.log_table({column: [getattr(entry, column) for entry in entries] for column in columns}, "files.json")
    pages, seconds = sum(entry.pages for entry in entries), sum(entry.seconds for entry in entries)
    return {
        "files": len(entries),
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
