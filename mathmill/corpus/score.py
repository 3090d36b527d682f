"""Score every page with the classifier."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from mathmill.corpus.classify import MODEL, line, probabilities
from mathmill.corpus.session import run_spark_job
from mathmill.corpus.tables import read_pages
from mathmill.errors import UserError
from mathmill.job import Figures, Job, job_parser


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point."""
    parser = job_parser(__doc__)
    parser.add_argument("--pages", type=Path, required=True)
    parser.add_argument("--classifier", type=Path, required=True, help="classifier.bin, or the folder that holds it")
    arguments = parser.parse_args(argv)
    return run_spark_job("score", arguments, run)


def run(spark: SparkSession, job: Job, arguments: argparse.Namespace) -> Figures:
    """Write the table `scores`: url, score in [0, 1]."""
    given = arguments.classifier.resolve()
    model = given / MODEL if given.is_dir() else given
    if not model.is_file():
        raise UserError(f"--classifier {model} does not exist: make it with `mathmill corpus classify`")
    pages = read_pages(spark, arguments.pages).select("url", "text")
    scores = pages.mapInPandas(lambda frames: _scores(frames, str(model)), "url string, score double")
    scores.write.parquet(str(job.out / "scores"))
    written = spark.read.parquet(str(job.out / "scores"))
    counts = written.selectExpr("count(*) n", "avg(score) mean", "count_if(score >= 0.5) above").collect()[0]
    return {"pages": counts["n"], "mean_score": counts["mean"] or 0.0, "above_half": counts["above"]}


@cache
def _model(path: str) -> Any:
    """The classifier, loaded once a Python worker."""
    import fasttext

    return fasttext.load_model(path)


def _scores(frames: Iterator[Any], model: str) -> Iterator[Any]:
    for frame in frames:
        values = probabilities(_model(model), [line(text) for text in frame["text"]])
        yield frame[["url"]].assign(score=values)


if __name__ == "__main__":
    # Under its own name, so that Spark's workers find its functions there.
    sys.exit(import_module("mathmill.corpus.score").main())
