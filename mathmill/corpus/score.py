"""Score every page: the classifier reads its text, and how much mathematics stands at its address is considered."""

import argparse
import shutil
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from mathmill.corpus.address_prior import posterior
from mathmill.corpus.classifier import line, model_file, probabilities, read_card
from mathmill.corpus.session import run_spark_job
from mathmill.corpus.shared_classifier import share, shared_classifier
from mathmill.corpus.tables import read_pages
from mathmill.job import Figures, Job, job_parser
from mathmill.reuse.reads import Reads

TEXT_SCORES = "url string, domain string, prefix string, text_score double"

READS = Reads(("corpus.classifier.address_pages",))


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point."""
    parser = job_parser(__doc__, reusable=True)
    parser.add_argument("--pages", type=Path, required=True)
    parser.add_argument("--classifier", type=Path, required=True, help="classifier.bin, or the folder that holds it")
    arguments = parser.parse_args(argv)
    return run_spark_job("score", arguments, run, reads=READS)


def run(spark: SparkSession, job: Job, arguments: argparse.Namespace) -> Figures:
    """Write the table `scores`: url, score in [0, 1], and domain and text_score that it was made from."""
    model = model_file(arguments.classifier)
    card = read_card(model)
    share(spark.sparkContext, str(model))
    words = card.page_words
    pages = read_pages(spark, arguments.pages).select("url", "text")
    read = str(job.out / "text_scores")
    pages.mapInArrow(lambda batches: _text_scores(batches, words), TEXT_SCORES).write.parquet(read)
    scores = posterior(spark.read.parquet(read), card.prior_odds, job.recipe.corpus.classifier.address_pages)
    scores.write.parquet(str(job.out / "scores"))
    shutil.rmtree(read)
    written = spark.read.parquet(str(job.out / "scores"))
    counts = written.selectExpr("count(*) n", "avg(score) mean", "count_if(score >= 0.5) above").collect()[0]
    return {"pages": counts["n"], "mean_score": counts["mean"] or 0.0, "above_half": counts["above"]}


def _text_scores(batches: Iterator[Any], page_words: int) -> Iterator[Any]:
    import pyarrow as pa

    from mathmill.corpus.addresses import domain, prefixes

    for batch in batches:
        urls = batch["url"].to_pylist()
        scores = probabilities(shared_classifier(), [line(text, page_words) for text in batch["text"].to_pylist()])
        domains = pa.array([domain(url) for url in urls], pa.string())
        longest = pa.array([prefixes(url)[-1] for url in urls], pa.string())
        columns = [batch["url"], domains, longest, pa.array(scores)]
        yield pa.RecordBatch.from_arrays(columns, ["url", "domain", "prefix", "text_score"])


if __name__ == "__main__":
    # Under its own name, so that Spark's workers find its functions there.
    sys.exit(import_module("mathmill.corpus.score").main())
