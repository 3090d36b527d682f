"""The end of a build: its report, made from the records of its stages and the final table."""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow.dataset as ds

from mathmill.corpus.addresses import domain
from mathmill.corpus.crawls import crawl_of_file, in_time_order
from mathmill.corpus.figures import growth
from mathmill.corpus.layout import Build
from mathmill.corpus.manifest import finished_parts, read_entry
from mathmill.errors import UserError
from mathmill.job import Figures, Job, job_parser, run_job
from mathmill.job_record import JobRecord
from mathmill.output import SUCCESS, is_finished, write_text

LONGEST = 50
"""Languages and domains in the report."""


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point."""
    parser = job_parser(__doc__)
    parser.add_argument("--build", type=Path, required=True, help="the folder of the build")
    arguments = parser.parse_args(argv)
    return run_job("report", arguments, lambda job: run(job, Build(arguments.build.resolve())))


def run(job: Job, build: Build) -> Figures:
    """Write `report.json` and `_SUCCESS` into the build's folder, and make `corpus` there point to the final table.

    Raises:
        UserError: a stage is missing.
    """
    stages = [build.ingested, build.unique, build.decontaminated, build.tokens]
    if missing := [path for path in stages if not is_finished(path)]:
        raise UserError(f"{missing[0]} is not finished: run `mathmill corpus build` again")
    rounds = build.finished_iterations()
    languages, domains = _top_lists(build.corpus)
    report = {
        **{path.name: _record(path) for path in stages},
        "iterations": [
            {path.name: _record(path) for path in sorted(one.root.iterdir()) if is_finished(path)} for one in rounds
        ],
        "crawls": _crawls(build),
        "languages": languages,
        "domains": domains,
    }
    collected = [JobRecord.read(one.collected).figures for one in rounds]
    numbers = [[int(figures[name]) for figures in collected] for name in ("pages", "new_pages", "tokens")]
    job.run.log_figure(growth(*numbers), "growth.png")
    text = json.dumps(report, indent=2, ensure_ascii=False)
    job.run.log_text(text, "report.json")
    final = build.root / "corpus"
    if not final.is_symlink():
        final.symlink_to(build.corpus.relative_to(build.root))
    write_text(build.report, text)
    (build.root / SUCCESS).touch()
    return {"iterations": len(rounds), "pages": sum(one["pages"] for one in languages.values())}


def _record(path: Path) -> dict[str, object]:
    record = JobRecord.read(path)
    taken = {"taken_over": record.taken_over} if record.taken_over else {}
    return {**record.figures, "seconds": record.seconds, **taken}


def _crawls(build: Build) -> dict[str, dict[str, object]]:
    """What `Build.crawls` gives."""
    entries = (read_entry(build.ingested, name) for name in finished_parts(build.ingested))
    files = {entry.file for entry in entries if entry}
    read = Counter(crawl for file in files if (crawl := crawl_of_file(file)))
    earlier = build.refreshed()
    # Stages that were run one by one may have been given the keys of something that is no build.
    before = earlier.crawls() if earlier and earlier.report.is_file() else {}
    own = {crawl: {"files": read[crawl], "build": str(build.root)} for crawl in in_time_order(read)}
    return {**before, **own}


def _top_lists(corpus: Path) -> tuple[dict[str, dict[str, int]], dict[str, dict[str, int]]]:
    """Pages and tokens of the final table by main language (`und`: unknown) and by domain, the longest first."""
    pages: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    tokens: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    for batch in ds.dataset(corpus, format="parquet").to_batches(columns=["url", "content_languages", "token_count"]):
        for url, languages, count in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            for place, name in enumerate(((languages or "und").split(",")[0], domain(url))):
                pages[place][name] += 1
                tokens[place][name] += count or 0
    listed = [
        {name: {"pages": number, "tokens": weights[name]} for name, number in counts.most_common(LONGEST)}
        for counts, weights in zip(pages, tokens, strict=True)
    ]
    return listed[0], listed[1]


if __name__ == "__main__":
    sys.exit(main())
