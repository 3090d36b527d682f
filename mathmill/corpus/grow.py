"""Add to the seed the pages under mathematical URL prefixes that were not collected (section 2.1)."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from pyspark.sql import SparkSession

from mathmill.corpus.seed import seed_path
from mathmill.corpus.session import run_spark_job
from mathmill.corpus.tables import each_url_once, read_pages, under_mathematics
from mathmill.job import Figures, Job, job_parser
from mathmill.reuse.reads import Reads

READS = Reads(("corpus.classifier.positives", "seed"))


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point."""
    parser = job_parser(__doc__, reusable=True)
    parser.add_argument("--seed", required=True, help="positive pages: a path, or a data set of the Hugging Face hub")
    parser.add_argument("--pages", type=Path, required=True)
    parser.add_argument("--collected", type=Path, required=True)
    parser.add_argument("--annotations", type=Path, required=True)
    arguments = parser.parse_args(argv)
    return run_spark_job("grow", arguments, run, reads=READS)


def run(spark: SparkSession, job: Job, arguments: argparse.Namespace) -> Figures:
    """Write the grown seed: url, text."""
    seed = each_url_once(read_pages(spark, seed_path(arguments.seed, job.recipe)))
    pages = read_pages(spark, arguments.pages).select("url", "text")
    missed = pages.join(read_pages(spark, arguments.collected).select("url"), "url", "left_anti")
    found = missed.join(under_mathematics(missed, arguments.annotations), "url", "left_semi")
    new = each_url_once(found).join(seed.select("url"), "url", "left_anti")
    seed.unionByName(new).write.parquet(str(job.out / "pages"))
    before, after = seed.count(), spark.read.parquet(str(job.out / "pages")).count()
    return {"seed_before": before, "seed_after": after, "new": after - before}


if __name__ == "__main__":
    # Under its own name, so that Spark's workers find its functions there.
    sys.exit(import_module("mathmill.corpus.grow").main())
