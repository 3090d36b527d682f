"""Keep the best-scored pages within a token budget."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from mathmill.corpus.session import run_spark_job
from mathmill.corpus.tables import read_pages
from mathmill.job import Figures, Job, job_parser

BINS = 100_000
"""Bins of the score histogram that the cut is found with; a budget is met to one bin."""


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point."""
    parser = job_parser(__doc__)
    parser.add_argument("--pages", type=Path, required=True)
    parser.add_argument("--scores", type=Path, required=True)
    parser.add_argument("--tokens", type=int, help="budget (default: corpus.tokens of the iteration)")
    parser.add_argument("--iteration", type=int, default=1)
    parser.add_argument("--previous", type=Path, help="what the iteration before collected")
    arguments = parser.parse_args(argv)
    return run_spark_job("select", arguments, run)


def run(spark: SparkSession, job: Job, arguments: argparse.Namespace) -> Figures:
    """Write the table `collected`: pages with score and iteration."""
    from mathmill.corpus.words import words

    pages = read_pages(spark, arguments.pages)
    if "token_count" not in pages.columns:
        pages = pages.withColumn("token_count", F.udf(lambda text: len(words(text)), "long")("text"))
    budget = arguments.tokens or job.recipe.corpus.tokens[arguments.iteration - 1]
    scored = pages.join(spark.read.parquet(str(arguments.scores / "scores")).dropDuplicates(["url"]), "url")
    scored = scored.withColumn("bin", F.floor(F.col("score") * BINS))
    histogram = scored.where(F.col("score") >= job.recipe.corpus.min_score).groupBy("bin").agg(F.sum("token_count"))
    cut = lowest_bin({row[0]: row[1] for row in histogram.collect()}, budget)
    collected = scored.where((F.col("bin") >= cut) & (F.col("score") >= job.recipe.corpus.min_score)).drop("bin")
    collected = collected.withColumn("iteration", F.lit(arguments.iteration))
    collected.write.parquet(str(job.out / "pages"))
    written = spark.read.parquet(str(job.out / "pages"))
    totals = written.selectExpr("count(*) n", "sum(token_count) tokens").collect()[0]
    before = 0
    if arguments.previous:
        earlier = spark.read.parquet(str(arguments.previous / "pages")).select("url")
        before = written.join(earlier, "url", "left_semi").count()
    return {
        "pages": totals["n"],
        "tokens": totals["tokens"] or 0,
        "cut_score": cut / BINS,
        "already_collected_share": before / totals["n"] if totals["n"] else 0.0,
    }


def lowest_bin(tokens: dict[int, int], budget: int) -> int:
    """The lowest bin that is kept when bins are taken from the top until the next would exceed `budget`."""
    kept = 0
    cut = BINS + 1
    for number in sorted(tokens, reverse=True):
        kept += tokens[number]
        if kept > budget:
            break
        cut = number
    return cut


if __name__ == "__main__":
    # Under its own name, so that Spark's workers find its functions there.
    sys.exit(import_module("mathmill.corpus.selection").main())
