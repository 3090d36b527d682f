"""Drop pages that stand twice: under another form of their URL, with the same text, or with nearly the same.

Of each page only a compact row of keys is shuffled (`mathmill.corpus.page_keys`). Pages that share a key are compared
(`candidates`), the pairs that are duplicates joined to components (`components`), and in each component it is decided
which pages are kept (`survivors`). What is kept hangs on the pages alone, not on their order or partitioning.

With `--previous` the pages are held against those of an earlier build, of which only the keys are read. Its pages are
not dropped, so of a page that was fetched again under the same URL the earlier version stands, even if the text has
changed. `keys` then holds those of both, so that builds can follow one another.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F

from mathmill.corpus.candidates import duplicate_pairs
from mathmill.corpus.components import components
from mathmill.corpus.page_keys import KEYS, page_keys, row_id, settings
from mathmill.corpus.session import run_spark_job
from mathmill.corpus.survivors import dropped_pages
from mathmill.corpus.tables import read_pages
from mathmill.errors import UserError
from mathmill.job import Figures, Job, job_parser
from mathmill.linked_parts import link_parts
from mathmill.output import require_finished, write_text
from mathmill.reuse.reads import Reads

KINDS = ("url", "text", "near")
SETTINGS = "minhash.json"
LARGEST = 20
"""Clusters shown."""
ROW = "_row"

READS = Reads(("corpus.minhash",))


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point."""
    parser = job_parser(__doc__, reusable=True)
    parser.add_argument("--pages", type=Path, required=True)
    parser.add_argument("--previous", type=Path, help="output of this command for an earlier build")
    arguments = parser.parse_args(argv)
    return run_spark_job("dedup", arguments, run, reads=READS)


def run(spark: SparkSession, job: Job, arguments: argparse.Namespace) -> Figures:
    """Write `pages` without duplicates, `duplicates` (url, duplicate_of, kind, similarity) and `keys`.

    Raises:
        UserError: the earlier build's keys were made with other settings.
    """
    minhash = job.recipe.corpus.minhash
    earlier = _earlier_keys(arguments.previous, settings(minhash)) if arguments.previous else None
    work = job.out / "work"

    def write(table: DataFrame, name: str) -> DataFrame:
        table.write.parquet(str(work / name))
        return spark.read.schema(table.schema).parquet(str(work / name))

    pages = read_pages(spark, arguments.pages)
    read, kept, rows = Observation(), Observation(), F.count(F.lit(1)).alias("rows")
    new = write(page_keys(pages, minhash).observe(read, rows), "keys")
    keys = new.withColumn("earlier", F.lit(False))
    if earlier:
        old = spark.read.schema(KEYS).parquet(str(earlier)).withColumn("earlier", F.lit(True))
        keys = keys.unionByName(old, allowMissingColumns=True)
    members, rounds = components(duplicate_pairs(keys, minhash), write)
    dropped = dropped_pages(members.join(keys, "id"), minhash).persist()
    counts = _write_duplicates(dropped, job.out / "duplicates")
    copies = counts.pop("copies")
    unique = _without(dropped, pages.withColumn(ROW, row_id(pages)), ROW, copies)
    unique.drop(ROW).observe(kept, rows).write.parquet(str(job.out / "pages"))
    _without(dropped, new, "id", copies).select(*_names(KEYS)).write.parquet(str(job.out / "keys"))
    if earlier:
        link_parts(earlier, job.out / "keys")
    write_text(job.out / SETTINGS, json.dumps(settings(minhash)))
    clusters = _log_clusters(dropped, job)
    dropped.unpersist()
    shutil.rmtree(work)
    total = sum(counts.values())
    if kept.get["rows"] != read.get["rows"] - total:
        raise RuntimeError(f"{read.get['rows']} pages less {total} are not {kept.get['rows']}: the pages have changed")
    return {"pages": kept.get["rows"], "dropped": total, **counts, **clusters, "rounds": rounds}


def _earlier_keys(previous: Path, expected: dict[str, int]) -> Path:
    require_finished(previous, "mathmill corpus dedup")
    path = previous / SETTINGS
    if not path.is_file() or json.loads(path.read_text(encoding="utf-8")) != expected:
        raise UserError(f"--previous {previous}: its keys were made with other settings: give corpus.minhash as it was")
    return previous / "keys"


def _write_duplicates(dropped: DataFrame, path: Path) -> dict[str, int]:
    """Write the table `duplicates`; how many pages are dropped by kind, and how many of them are copies of one row."""
    seen = Observation()
    counts = [F.count_if(F.col("kind") == kind).alias(f"dropped_{kind}") for kind in KINDS]
    table = dropped.observe(seen, *counts, F.count_if("is_copy").alias("copies"))
    table.select("url", "duplicate_of", "kind", "similarity").write.parquet(str(path))
    return dict(seen.get)


def _without(dropped: DataFrame, table: DataFrame, id_column: str, copies: int) -> DataFrame:
    """The rows of `table` whose pages are kept, one of those that are the same."""

    def joined(rows: DataFrame, pages: DataFrame, how: str) -> DataFrame:
        pages = pages.select(F.col("id").alias("_other_id"), F.col("url").alias("_other_url"))
        same = (F.col(id_column) == F.col("_other_id")) & F.make_valid_utf8("url").eqNullSafe(F.col("_other_url"))
        return rows.join(pages, same, how)

    kept = joined(table, dropped.where("not is_copy"), "left_anti")
    if not copies:
        return kept
    copied = dropped.where("is_copy")
    once = joined(kept, copied, "left_semi").dropDuplicates([id_column, "url"])
    return joined(kept, copied, "left_anti").unionByName(once)


def _log_clusters(dropped: DataFrame, job: Job) -> dict[str, int]:
    """Log how many clusters (a kept page with its duplicates) there are of each size, and the largest."""
    clusters = dropped.groupBy("duplicate_of").agg((F.count("*") + 1).alias("size"))
    power = F.ceil(F.log2("size")).alias("power")
    sizes = {row["power"]: row["count"] for row in clusters.groupBy(power).count().orderBy("power").collect()}
    names = [f"{2 ** (power - 1) + 1} to {2**power}" for power in sizes]
    job.run.log_table({"pages": names, "clusters": list(sizes.values())}, "cluster_sizes.json")
    largest = clusters.orderBy(F.desc("size"), "duplicate_of").limit(LARGEST).collect()
    columns = {"url": [row["duplicate_of"] for row in largest], "pages": [row["size"] for row in largest]}
    job.run.log_table(columns, "largest_clusters.json")
    return {"clusters": sum(sizes.values()), "largest_cluster": largest[0]["size"] if largest else 1}


def _names(schema: str) -> list[str]:
    return [column.split()[0] for column in schema.split(", ")]


if __name__ == "__main__":
    # Under its own name, so that Spark's workers find its functions there.
    sys.exit(import_module("mathmill.corpus.dedup").main())
