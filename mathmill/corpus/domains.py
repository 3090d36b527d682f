"""Collection rate of every domain, and of the URL prefixes inside the candidate domains (section 2.1)."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from mathmill.corpus.addresses import domain
from mathmill.corpus.session import run_spark_job
from mathmill.corpus.tables import by_url_prefix, read_pages
from mathmill.job import Figures, Job, job_parser
from mathmill.reuse.reads import Reads

SAMPLES = 5
"""Pages of a prefix that a person can read."""
SAMPLE_LENGTH = 8000
"""Characters of each."""
BINS = 10
"""Equal bins of [0, 1] in which the scores of a prefix's pages are counted."""
ROW_GROUP_BYTES = 1 << 20

READS = Reads(("corpus.domain_rate", "corpus.annotation.min_pages"))


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point."""
    parser = job_parser(__doc__, reusable=True)
    parser.add_argument("--pages", type=Path, required=True)
    parser.add_argument("--collected", type=Path, required=True)
    parser.add_argument("--scores", type=Path, help="scores of all pages (default: the collected pages' own)")
    arguments = parser.parse_args(argv)
    return run_spark_job("domains", arguments, run, reads=READS)


def run(spark: SparkSession, job: Job, arguments: argparse.Namespace) -> Figures:
    """Write the tables `domains`, `prefixes` and, for people to read, `samples` of the pages under each prefix."""
    corpus = job.recipe.corpus
    # Left to choose, pyspark looks for Arrow's types in the function's hints and warns that there are none.
    domain_of = F.udf(domain, "string", useArrow=False)
    texts = read_pages(spark, arguments.pages)
    pages = _scored(texts, arguments).withColumn("domain", domain_of("url"))
    rate = (F.count("score") / F.count("*")).alias("rate")
    domains = pages.groupBy("domain").agg(F.count("*").alias("pages"), F.count("score").alias("collected"), rate)
    domains.coalesce(1).write.parquet(str(job.out / "domains"))
    domains = spark.read.parquet(str(job.out / "domains"))
    candidates = domains.where(F.col("rate") > corpus.domain_rate)
    under = by_url_prefix(pages.join(candidates.select("domain"), "domain")).persist()
    table = under.groupBy("domain", "url_prefix").agg(
        F.count("*").alias("pages"),
        F.count("score").alias("collected"),
        F.avg("score").alias("mean_score"),
        F.slice(F.sort_array(F.collect_set("url")), 1, SAMPLES).alias("sample_urls"),
        F.array(
            *[F.count_if(F.least(F.floor(F.col("any_score") * BINS), F.lit(BINS - 1)) == n) for n in range(BINS)]
        ).alias("score_bins"),
    )
    table.coalesce(1).write.parquet(str(job.out / "prefixes"))
    prefixes = spark.read.parquet(str(job.out / "prefixes"))
    asked = prefixes.where(F.col("pages") >= corpus.annotation.min_pages).select("url_prefix")
    _write_samples(under.join(asked, "url_prefix"), texts, job.out / "samples")
    under.unpersist()
    top = candidates.orderBy(F.desc("pages"), "domain").limit(50).toPandas()
    job.run.log_table({name: top[name].tolist() for name in top}, "candidate_domains.json")
    return {"domains": domains.count(), "candidates": candidates.count(), "prefixes": prefixes.count()}


def _scored(pages: DataFrame, arguments: argparse.Namespace) -> DataFrame:
    """The URLs of `pages` with `score`, which collected pages have, and `any_score`, where one is known."""
    spark = pages.sparkSession
    collected = read_pages(spark, arguments.collected).select("url", "score")
    scored = pages.select("url").join(collected, "url", "left")
    if arguments.scores is None:
        return scored.withColumn("any_score", F.col("score"))
    scores = spark.read.parquet(str(arguments.scores / "scores")).groupBy("url").agg(F.max("score").alias("any_score"))
    return scored.join(scores, "url", "left")


def _write_samples(under: DataFrame, texts: DataFrame, folder: Path) -> None:
    """Some pages of each prefix, with the beginning of their text, in small row groups in the order of the prefixes."""
    drawn = Window.partitionBy("url_prefix").orderBy(F.xxhash64("url"), "url")
    samples = under.withColumn("place", F.row_number().over(drawn)).where(F.col("place") <= SAMPLES)
    samples = samples.select("url_prefix", "url", F.col("any_score").alias("score"), F.isnotnull("score").alias("kept"))
    begun = texts.select("url", F.substring(F.coalesce("text", F.lit("")), 1, SAMPLE_LENGTH).alias("text"))
    table = begun.join(F.broadcast(samples), "url").select("url_prefix", "url", "score", "kept", "text")
    ordered = table.coalesce(1).sortWithinPartitions("url_prefix", "url")
    ordered.write.option("parquet.block.size", ROW_GROUP_BYTES).parquet(str(folder))


if __name__ == "__main__":
    # Under its own name, so that Spark's workers find its functions there.
    sys.exit(import_module("mathmill.corpus.domains").main())
