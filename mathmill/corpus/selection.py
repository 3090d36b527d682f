"""Keep the best-scored pages within a token budget."""

import argparse
import json
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from mathmill.corpus.cut import first_bins
from mathmill.corpus.figures import score_bars, score_histogram
from mathmill.corpus.layout import HISTOGRAM
from mathmill.corpus.session import run_spark_job
from mathmill.corpus.tables import read_pages
from mathmill.corpus.words import words
from mathmill.job import Figures, Job, job_parser
from mathmill.output import write_text
from mathmill.reuse.reads import Reads

BINS = 100_000
"""Bins of the score histogram that the cut is found with; a budget is met to one bin."""

READS = Reads(("corpus.tokens", "corpus.min_score"))


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point."""
    parser = job_parser(__doc__, reusable=True)
    parser.add_argument("--pages", type=Path, required=True)
    parser.add_argument("--scores", type=Path, required=True)
    parser.add_argument("--tokens", type=int, help="budget (default: corpus.tokens of the iteration)")
    parser.add_argument("--iteration", type=int, default=1)
    parser.add_argument("--previous", type=Path, help="what the iteration before collected")
    arguments = parser.parse_args(argv)
    return run_spark_job("select", arguments, run, reads=READS)


def run(spark: SparkSession, job: Job, arguments: argparse.Namespace) -> Figures:
    """Write the table `collected`: pages with score and iteration."""
    corpus = job.recipe.corpus
    pages = _counted(read_pages(spark, arguments.pages))
    scores = spark.read.parquet(str(arguments.scores / "scores")).groupBy("url").agg(F.max("score").alias("score"))
    scored = pages.join(scores, "url").withColumn("bin", F.floor(F.col("score") * BINS))
    groups = scored.groupBy("bin").agg(F.count("*"), F.sum("token_count")).collect()
    tokens = {row["bin"]: row[2] for row in groups if row["bin"] >= corpus.min_score * BINS}
    budget = arguments.tokens or corpus.tokens[arguments.iteration - 1]
    cut = -first_bins({-number: count for number, count in tokens.items()}, budget)
    collected = scored.where(F.col("bin") >= cut).drop("bin") if tokens else scored.where("false").drop("bin")
    collected.withColumn("iteration", F.lit(arguments.iteration)).write.parquet(str(job.out / "pages"))
    counts = {row["bin"]: row[1] for row in groups}
    bars = score_bars(counts, BINS)
    write_text(job.out / HISTOGRAM, json.dumps({"pages": bars, "cut": cut / BINS}))
    job.run.log_figure(score_histogram(bars, cut / BINS), "scores.png")
    written = spark.read.parquet(str(job.out / "pages"))
    totals = written.selectExpr("count(*) n", "coalesce(sum(token_count), 0) tokens").collect()[0]
    before = _collected_before(written, arguments.previous)
    return {
        "pages": totals["n"],
        "tokens": totals["tokens"],
        "cut_score": cut / BINS,
        "new_pages": totals["n"] - before,
        "already_collected_share": before / totals["n"] if totals["n"] else 0.0,
    }


def _counted(pages: DataFrame) -> DataFrame:
    """Pages with their `token_count`, which those that others made may lack."""
    if "token_count" in pages.columns:
        return pages
    # Left to choose, pyspark looks for Arrow's types in the function's hints and warns that there are none.
    return pages.withColumn("token_count", F.udf(lambda text: len(words(text)), "long", useArrow=False)("text"))


def _collected_before(collected: DataFrame, previous: Path | None) -> int:
    if previous is None:
        return 0
    return collected.join(read_pages(collected.sparkSession, previous).select("url"), "url", "left_semi").count()


if __name__ == "__main__":
    # Under its own name, so that Spark's workers find its functions there.
    sys.exit(import_module("mathmill.corpus.selection").main())
