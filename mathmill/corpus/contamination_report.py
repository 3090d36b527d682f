"""What decontamination found: `report.json`, its tables and plot in MLflow, and the job's figures."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from mathmill.corpus.contamination import BenchmarkSet
from mathmill.job import Figures
from mathmill.questions.benchmarks import LeftOut
from mathmill.tracking.task_run import TaskRun

MOST = 200
"""Rows of a table that is shown."""
IN_PLOT = 20
ITEMS = pa.schema(
    [("benchmark", pa.string()), ("item_id", pa.string()), ("searched_for", pa.bool_()), ("pages", pa.int64())]
)


@dataclass(frozen=True, slots=True)
class Tables:
    """What the job has read and written."""

    kept: DataFrame
    removed: DataFrame
    hits: DataFrame
    evidence: DataFrame
    """The hits that are evidence."""
    ngrams: DataFrame


def contamination_report(
    benchmarks: BenchmarkSet, left_out: Sequence[LeftOut], searched: int, tables: Tables
) -> dict[str, Any]:
    """The report; `searched` is the number of pages that were read."""
    kept = tables.kept.agg(F.count("*").alias("pages"), F.sum("token_count").alias("tokens")).collect()[0]
    removed = tables.removed.agg(F.count_distinct("url"), F.count("segment")).collect()[0]
    suspect = tables.hits.select("url").distinct().count()
    excused = {row["excused"]: row["count"] for row in tables.ngrams.groupBy("excused").count().collect()}
    item = F.col("items")[0]
    names = [item[name].alias(name) for name in ("benchmark", "item_id")]
    common = tables.ngrams.select("matched_text", "ngram_length", *names, "pages", "excused")
    most = common.orderBy(F.desc("pages"), "matched_text").limit(MOST).collect()
    items = _pages_by(tables.evidence, "benchmark", "item_id")
    return {
        "digest": benchmarks.digest,
        "searched": searched,
        "removed": removed[0],
        "removed_share": removed[0] / searched if searched else 0.0,
        "removed_segments": removed[1],
        "kept": kept["pages"],
        "kept_tokens": kept["tokens"] or 0,
        "kept_as_excused": suspect - removed[0],
        "excused_ngrams": {reason: excused.get(reason, 0) for reason in ("common", "allowed")},
        "benchmarks": _benchmark_rows(benchmarks, items, _pages_by(tables.evidence, "benchmark")),
        "left_out": [asdict(one) for one in left_out],
        "ngrams": [row.asDict() for row in most],
        "items": [row.asDict() for row in items],
    }


def write_items(path: Path, benchmarks: BenchmarkSet, report: Mapping[str, Any]) -> None:
    """Write every item of the benchmarks: `benchmark`, `item_id`, `searched_for`, and `pages` that held some of it.

    Items without an n-gram are not searched for. With --previous, pages are those that this build has searched.
    """
    searched_for = benchmarks.items_with_ngrams()
    pages = {(row["benchmark"], row["item_id"]): row["pages"] for row in report["items"]}
    rows = [
        (*item, number in searched_for, pages.get((item.benchmark, item.item_id), 0))
        for number, item in enumerate(benchmarks.items)
    ]
    columns = [pa.array(column, field.type) for column, field in zip(zip(*rows, strict=True), ITEMS, strict=True)]
    pq.write_table(pa.Table.from_arrays(columns, schema=ITEMS), path, compression="zstd")


def figures(report: Mapping[str, Any]) -> Figures:
    """The figures of the job."""
    found = {row["benchmark"]: row["pages"] for row in report["benchmarks"] if row["pages"]}
    return {
        "benchmarks": len(report["benchmarks"]),
        "items": sum(row["items"] for row in report["benchmarks"]),
        "searched": report["searched"],
        "removed": report["removed"],
        "removed_share": report["removed_share"],
        "removed_segments": report["removed_segments"],
        "kept_as_excused": report["kept_as_excused"],
        "pages": report["kept"],
        "tokens": report["kept_tokens"],
        **{re.sub(r"[^\w/.: -]", "_", f"pages with {name}", flags=re.ASCII): pages for name, pages in found.items()},
    }


def log_report(run: TaskRun, report: Mapping[str, Any], removed: DataFrame) -> None:
    """Show the report, and some of what was removed, on the page of the MLflow run."""
    shown = removed.drop("text").orderBy("url", "segment").limit(MOST).toPandas()
    run.log_table({name: shown[name].tolist() for name in shown}, "removed.json")
    for name in ("benchmarks", "items", "ngrams", "left_out"):
        run.log_rows(report[name][:MOST], f"{name}.json")
    found = sorted((row for row in report["benchmarks"] if row["pages"]), key=lambda row: row["pages"])[-IN_PLOT:]
    if found:
        run.log_figure(_plot({row["benchmark"]: row["pages"] for row in found}), "pages_with_benchmarks.png")


def _pages_by(evidence: DataFrame, *columns: str) -> list[Row]:
    """For each benchmark or item, by `columns`, how many `pages` hold some of it; the most first."""
    each = evidence.select(F.explode("items").alias("item"), "url").select("item.*", "url").groupBy(*columns)
    return each.agg(F.count_distinct("url").alias("pages")).orderBy(F.desc("pages"), *columns).collect()


def _benchmark_rows(
    benchmarks: BenchmarkSet, found_items: Sequence[Row], found_benchmarks: Sequence[Row]
) -> list[dict[str, Any]]:
    items = Counter(one.benchmark for one in benchmarks.items)
    searched_for = Counter(benchmarks.items[item].benchmark for item in benchmarks.items_with_ngrams())
    found = Counter(row["benchmark"] for row in found_items)
    pages = {row["benchmark"]: row["pages"] for row in found_benchmarks}
    return [
        {
            "benchmark": name,
            "items": count,
            "items_without_ngram": count - searched_for[name],
            "items_found": found[name],
            "pages": pages.get(name, 0),
        }
        for name, count in sorted(items.items())
    ]


def _plot(pages: Mapping[str, int]) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 1 + 0.3 * len(pages)), layout="constrained")
    axes = figure.subplots()
    axes.barh(list(pages), list(pages.values()))
    axes.set_xlabel("pages that hold some of it")
    return figure
