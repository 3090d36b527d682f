"""Train the fastText classifier that recalls mathematical pages: seed pages against random pages (section 2.1)."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from mathmill.corpus.session import run_spark_job
from mathmill.corpus.tables import read_pages
from mathmill.errors import UserError
from mathmill.job import Figures, Job, job_parser

MODEL = "classifier.bin"
POSITIVE, NEGATIVE = "__label__math", "__label__other"


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point."""
    parser = job_parser(__doc__)
    parser.add_argument("--seed", type=Path, required=True, help="positive pages")
    parser.add_argument("--pages", type=Path, required=True, help="pages that negatives are drawn from")
    arguments = parser.parse_args(argv)
    return run_spark_job("classify", arguments, run)


def run(spark: SparkSession, job: Job, arguments: argparse.Namespace) -> Figures:
    """Write `classifier.bin`."""
    import fasttext
    from sklearn.metrics import precision_recall_fscore_support, roc_auc_score

    settings = job.recipe.corpus.classifier
    seed = read_pages(spark, arguments.seed).select("url", "text").dropDuplicates(["url"])
    pages = read_pages(spark, arguments.pages).select("url", "text").join(seed.select("url"), "url", "left_anti")
    lines = [(POSITIVE, text) for text in _sample(seed, settings.positives, job.recipe.seed)]
    positives = len(lines)
    lines += [(NEGATIVE, text) for text in _sample(pages, settings.negatives, job.recipe.seed)]
    if not 0 < positives < len(lines):
        raise UserError(f"classify: {positives} positives and {len(lines) - positives} negatives: both are needed")
    order = np.random.default_rng(job.recipe.seed).permutation(len(lines))
    held = order[: max(1, int(len(lines) * settings.held_out))]
    training = job.out / "training.txt"
    with training.open("w", encoding="utf-8") as file:
        file.writelines(f"{lines[i][0]} {lines[i][1]}\n" for i in order[len(held) :])
    model = fasttext.train_supervised(
        str(training),
        dim=settings.dim,
        lr=settings.learning_rate,
        wordNgrams=settings.word_ngrams,
        minCount=settings.min_count,
        epoch=settings.epochs,
        bucket=settings.buckets,
        thread=settings.threads,
        seed=job.recipe.seed,
        verbose=0,
    )
    model.save_model(str(job.out / MODEL))
    training.unlink()
    truth = [lines[i][0] == POSITIVE for i in held]
    scores = probabilities(model, [lines[i][1] for i in held])
    precision, recall, _, _ = precision_recall_fscore_support(
        truth, [score >= 0.5 for score in scores], average="binary", zero_division=0.0
    )
    both = len(set(truth)) == 2
    return {
        "positives": positives,
        "negatives": len(lines) - positives,
        "held_out": len(held),
        "precision": float(precision),
        "recall": float(recall),
        "auc": float(roc_auc_score(truth, scores)) if both else float("nan"),
    }


def line(text: str) -> str:
    """A page as the classifier sees it: its words on one line."""
    from mathmill.corpus.words import words

    return " ".join(words(text))


def probabilities(model: Any, lines: Sequence[str]) -> list[float]:
    """Probability of being mathematics for each prepared line."""
    labels, values = model.predict(list(lines), k=2)
    pairs = [dict(zip(names, numbers, strict=True)) for names, numbers in zip(labels, values, strict=True)]
    return [min(1.0, float(pair.get(POSITIVE, 0.0))) for pair in pairs]


def _sample(table: DataFrame, count: int, seed: int) -> list[str]:
    """`count` pages in the order of a hash of their URL, the same however the table is partitioned."""
    chosen = table.orderBy(F.xxhash64("url", F.lit(seed)), "url").limit(count)
    return [line(row["text"]) for row in chosen.toLocalIterator()]


if __name__ == "__main__":
    # Under its own name, so that Spark's workers find its functions there.
    sys.exit(import_module("mathmill.corpus.classify").main())
