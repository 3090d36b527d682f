"""A corpus build as its stages leave it, of any size, with text that attacks whoever shows it."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mathmill.corpus.layout import Build
from mathmill.corpus.question import Question
from mathmill.job_record import JobRecord
from mathmill.output import SUCCESS

RUN_ID = "manual__2026-11-25T10:00:00+00:00"
FOLDER = "manual-2026-11-25T10-00-00-00-00"
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> and $\\href{javascript:alert(3)}{\\frac{a}{b}}$"
FORMULA = "By $\\sum_{i=1}^n i = \\frac{n(n+1)}{2}$ it costs $5 or $6."


def write_waiting_build(home: Path, domains: int = 3, prefixes: int = 2) -> Build:
    """A build whose first iteration asks about `domains` domains of `prefixes` prefixes each."""
    build = Build(home / "outputs" / "demo" / "corpus" / FOLDER)
    this = build.iteration(1)
    figures = {"pages": 40, "new_pages": 40, "tokens": 9000, "already_collected_share": 0.0, "cut_score": 0.5}
    finish(this.collected, "select", figures)
    (this.collected / "scores.json").write_text(json.dumps({"pages": [30, 5, 0, 0, 40], "cut": 0.5}))
    finish(this.domains, "domains", {"candidates": domains})
    names = [f"site{number:03}.example" for number in range(domains)]
    counts = [{"domain": name, "pages": 100, "collected": 60, "rate": 0.6} for name in names]
    write_rows(
        this.domains / "domains", [*counts, {"domain": "other.example", "pages": 9, "collected": 0, "rate": 0.0}]
    )
    under = [name + "".join(f"/{part}" for part in path) for name in names for path in paths(prefixes)]
    write_rows(this.domains / "prefixes", [prefix_row(name) for name in under])
    samples = [
        {"url_prefix": name, "url": f"http://{name}/{page}.html", "score": 0.75, "kept": page == 0, "text": text}
        for name in under
        for page, text in enumerate([FORMULA, HOSTILE])
    ]
    write_rows(this.domains / "samples", samples)
    Question("corpus_refresh", RUN_ID, "iteration_1.ask", -1, None, 5, 0.5).write(this.question)
    return build


def close_build(build: Build, urls: dict[str, int]) -> None:
    """Give the build a corpus of `urls` with their tokens, one page that was removed, and its report."""
    out = build.decontaminated
    benchmarks = [{"benchmark": "GSM8K", "items": 3, "items_found": 1, "pages": 1}]
    finish(out, "decontaminate", {"pages": len(urls), "tokens": sum(urls.values()), "removed": 1})
    (out / "report.json").write_text(json.dumps({"benchmarks": benchmarks}))
    write_rows(
        out / "kept",
        [
            {"url": url, "text": f"{FORMULA} {HOSTILE}", "score": 0.9, "iteration": 1, "content_languages": "eng"}
            | {"token_count": tokens}
            for url, tokens in urls.items()
        ],
    )
    removed = {
        "url": "http://leak.example/",
        "benchmark": "GSM8K",
        "item_id": "7",
        "matched_text": "Natalia <b>sold</b>",
    }
    text = f"Long before. {removed['matched_text']} clips. {HOSTILE}"
    columns = {"url": pa.string(), "benchmark": pa.string(), "item_id": pa.string(), "matched_text": pa.string()}
    types = columns | {"ngram_length": pa.int32(), "segment": pa.int32(), "text": pa.string()}
    write_rows(out / "removed", [{**removed, "ngram_length": 10, "segment": None, "text": text}], pa.schema(types))
    lists = {"languages": {"eng": {"pages": 2, "tokens": 9}}, "domains": {"site000.example": {"pages": 2, "tokens": 9}}}
    totals = {"pages": len(urls), "tokens": sum(urls.values())}
    build.report.write_text(json.dumps({"decontaminated": totals, **lists}))
    (build.root / SUCCESS).touch()


def paths(prefixes: int) -> list[tuple[str, ...]]:
    """The host itself, and folders of it."""
    return [(), *((f"part{number}",) for number in range(prefixes - 1))]


def prefix_row(name: str) -> dict[str, Any]:
    """A row of the table `prefixes`."""
    host, _, folder = name.partition("/")
    pages = 100 if not folder else 20
    counts = {"pages": pages, "collected": pages * 6 // 10, "mean_score": 0.8, "sample_urls": [f"http://{name}/0.html"]}
    return {"domain": host, "url_prefix": name, **counts, "score_bins": [pages // 2, *[0] * 8, pages - pages // 2]}


def finish(out: Path, stage: str, figures: dict[str, Any], **more: str) -> None:
    """Make `out` a finished output with these figures and what `more` its record is to say."""
    out.mkdir(parents=True)
    record = JobRecord(stage, "demo", "digest", {}, figures, 1.0, "run", "1", "2026-11-25T10:00:00+00:00", **more)
    (out / "job.json").write_text(json.dumps(asdict(record)))
    (out / SUCCESS).touch()


def write_rows(folder: Path, rows: list[dict[str, Any]], schema: pa.Schema | None = None) -> None:
    """Write a table of one file."""
    folder.mkdir()
    pq.write_table(pa.Table.from_pylist(rows, schema), folder / "part-0.parquet")
