"""Add to the seed the pages under mathematical URL prefixes that were not collected (section 2.1)."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from pyspark.sql import SparkSession

from mathmill.corpus.session import run_spark_job
from mathmill.corpus.tables import by_url_prefix, read_pages
from mathmill.job import Figures, Job, job_parser


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point."""
    parser = job_parser(__doc__)
    parser.add_argument("--seed", type=Path, required=True)
    parser.add_argument("--pages", type=Path, required=True)
    parser.add_argument("--collected", type=Path, required=True)
    parser.add_argument("--annotations", type=Path, required=True)
    arguments = parser.parse_args(argv)
    return run_spark_job("grow", arguments, run)


def run(spark: SparkSession, job: Job, arguments: argparse.Namespace) -> Figures:
    """Write the grown seed: url, text."""
    seed = read_pages(spark, arguments.seed).select("url", "text").dropDuplicates(["url"])
    mathematical = spark.read.parquet(str(arguments.annotations / "annotations")).where("is_math").select("url_prefix")
    pages = read_pages(spark, arguments.pages).select("url", "text")
    missed = pages.join(read_pages(spark, arguments.collected).select("url"), "url", "left_anti")
    under = by_url_prefix(missed)
    found = under.join(mathematical, "url_prefix", "left_semi").select("url", "text").dropDuplicates(["url"])
    new = found.join(seed.select("url"), "url", "left_anti")
    seed.unionByName(new).write.parquet(str(job.out / "pages"))
    before, after = seed.count(), spark.read.parquet(str(job.out / "pages")).count()
    return {"seed_before": before, "seed_after": after, "new": after - before}


if __name__ == "__main__":
    # Under its own name, so that Spark's workers find its functions there.
    sys.exit(import_module("mathmill.corpus.grow").main())
