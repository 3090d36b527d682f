"""Collection rate of every domain, and of the URL prefixes inside the candidate domains (section 2.1)."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from mathmill.corpus.addresses import domain
from mathmill.corpus.session import run_spark_job
from mathmill.corpus.tables import by_url_prefix, read_pages
from mathmill.job import Figures, Job, job_parser


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point."""
    parser = job_parser(__doc__)
    parser.add_argument("--pages", type=Path, required=True)
    parser.add_argument("--collected", type=Path, required=True)
    arguments = parser.parse_args(argv)
    return run_spark_job("domains", arguments, run)


def run(spark: SparkSession, job: Job, arguments: argparse.Namespace) -> Figures:
    """Write the tables `domains` and `prefixes`."""
    # Left to choose, pyspark looks for Arrow's types in the function's hints and warns that there are none.
    domain_of = F.udf(domain, "string", useArrow=False)
    collected = read_pages(spark, arguments.collected).select("url", "score")
    pages = read_pages(spark, arguments.pages).select("url").join(collected, "url", "left")
    pages = pages.withColumn("domain", domain_of("url"))
    rate = (F.count("score") / F.count("*")).alias("rate")
    domains = pages.groupBy("domain").agg(F.count("*").alias("pages"), F.count("score").alias("collected"), rate)
    domains.coalesce(1).write.parquet(str(job.out / "domains"))
    domains = spark.read.parquet(str(job.out / "domains"))
    candidates = domains.where(F.col("rate") > job.recipe.corpus.domain_rate)
    under = by_url_prefix(pages.join(candidates.select("domain"), "domain"))
    table = under.groupBy("domain", "url_prefix").agg(
        F.count("*").alias("pages"),
        F.count("score").alias("collected"),
        F.avg("score").alias("mean_score"),
        F.slice(F.sort_array(F.collect_set("url")), 1, 5).alias("sample_urls"),
    )
    table.coalesce(1).write.parquet(str(job.out / "prefixes"))
    top = candidates.orderBy(F.desc("pages"), "domain").limit(50).toPandas()
    job.run.log_table({name: top[name].tolist() for name in top}, "candidate_domains.json")
    return {
        "domains": domains.count(),
        "candidates": candidates.count(),
        "prefixes": spark.read.parquet(str(job.out / "prefixes")).count(),
    }


if __name__ == "__main__":
    # Under its own name, so that Spark's workers find its functions there.
    sys.exit(import_module("mathmill.corpus.domains").main())
