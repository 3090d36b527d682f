"""Train the fastText classifier that recalls mathematical pages: seed pages against random pages (section 2.1).

Negatives are drawn at random from the pages that are not of the seed. From the second iteration on, what the iteration
before collected and what stands under a prefix annotated as mathematics is left out: random pages of a crawl are not
free of mathematics, and a classifier that is taught to refuse it never recalls it. Deterministic for a seed and one
thread; fastText's threads write to one model without locks, so with more of them every training gives another model.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib import import_module
from itertools import islice
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from mathmill.corpus.classifier import (
    CARD,
    MODEL,
    NEGATIVE,
    POSITIVE,
    Card,
    line,
    model_file,
    probabilities,
    read_card,
    write_card,
)
from mathmill.corpus.cut import first_bins
from mathmill.corpus.seed import seed_path
from mathmill.corpus.session import run_spark_job
from mathmill.corpus.tables import each_url_once, read_pages, under_mathematics
from mathmill.errors import UserError
from mathmill.job import Figures, Job, job_parser
from mathmill.linked_parts import link_or_copy
from mathmill.reuse.reads import Reads

HASH_BINS = 1 << 20
"""Bins of the hash that pages are drawn by; a draw is as large as asked for to within one bin."""
LINES = "label string, line string, is_held_out boolean, place long, url string"
LINE_COLUMNS = ("label", "line", "is_held_out", "place", "url")
JUDGED_AT_ONCE = 1000
"""Held-out pages in memory."""

READS = Reads(("corpus.classifier", "seed"))


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point."""
    parser = job_parser(__doc__, reusable=True)
    parser.add_argument("--seed", required=True, help="positive pages: a path, or a data set of the Hugging Face hub")
    parser.add_argument("--pages", type=Path, required=True, help="pages that negatives are drawn from")
    parser.add_argument("--iteration", type=int, default=1)
    parser.add_argument("--collected", type=Path, help="what the iteration before collected: no negatives")
    parser.add_argument("--annotations", type=Path, help="prefixes annotated as mathematics: no negatives")
    parser.add_argument("--classifier", type=Path, help="take this one, of an earlier build, instead of training one")
    arguments = parser.parse_args(argv)
    return run_spark_job("classify", arguments, run, reads=READS)


def run(spark: SparkSession, job: Job, arguments: argparse.Namespace) -> Figures:
    """Write `classifier.bin` and its card."""
    if arguments.classifier:
        card = _take(model_file(arguments.classifier), job.out)
    else:
        card = _train(_labelled(spark, job, arguments), job)
    write_card(card, job.out)
    job.run.log_artifact(job.out / CARD)
    return {name: getattr(card, name) for name in Card.__slots__}


def _take(model: Path, folder: Path) -> Card:
    """Share the file of a finished output, which never changes."""
    link_or_copy(model, folder / MODEL)
    return read_card(model)


def _labelled(spark: SparkSession, job: Job, arguments: argparse.Namespace) -> DataFrame:
    """The labelled pages as fastText reads them, in an order that hangs on the seed alone (`LINES`)."""
    settings, seed = job.recipe.corpus.classifier, job.recipe.seed
    known = each_url_once(read_pages(spark, seed_path(arguments.seed, job.recipe)))
    others = read_pages(spark, arguments.pages).select("url", "text").join(known.select("url"), "url", "left_anti")
    if arguments.collected:
        others = others.join(read_pages(spark, arguments.collected).select("url"), "url", "left_anti")
    if arguments.annotations:
        others = others.join(under_mathematics(others, arguments.annotations), "url", "left_anti")
    positives, count = _drawn(known, settings.positives, seed)
    ratios = settings.negatives_per_positive
    ratio = ratios[min(arguments.iteration, len(ratios)) - 1]
    negatives, found = _drawn(others, min(settings.negatives, round(count * ratio)), seed)
    if not count or not found:
        raise UserError(f"classify: {count} positives and {found} negatives: both are needed")
    both = positives.withColumn("label", F.lit(POSITIVE)).unionByName(negatives.withColumn("label", F.lit(NEGATIVE)))
    both = both.withColumn("place", F.xxhash64("url", F.lit(seed + 1)))
    both = both.withColumn("is_held_out", _hash_bin(seed + 2) < settings.held_out * HASH_BINS)
    words = settings.page_words
    return both.mapInArrow(lambda batches: _lines(batches, words), LINES).orderBy("place", "url")


def _drawn(table: DataFrame, count: int, seed: int) -> tuple[DataFrame, int]:
    """The `count` pages whose URLs' hashes are lowest, however the table is partitioned, and how many there are."""
    binned = table.withColumn("bin", _hash_bin(seed))
    sizes = {row["bin"]: row["count"] for row in binned.groupBy("bin").count().collect()}
    last = first_bins(sizes, count)
    return binned.where(F.col("bin") <= last).drop("bin"), sum(n for number, n in sizes.items() if number <= last)


def _hash_bin(seed: int) -> Column:
    return F.pmod(F.xxhash64("url", F.lit(seed)), F.lit(HASH_BINS))


def _lines(batches: Iterator[Any], page_words: int) -> Iterator[Any]:
    import pyarrow as pa

    for batch in batches:
        texts = batch.column("text").to_pylist()
        prepared = pa.array([line(text, page_words) for text in texts], pa.string())
        columns = {name: prepared if name == "line" else batch.column(name) for name in LINE_COLUMNS}
        yield pa.RecordBatch.from_pydict(columns)


def _train(labelled: DataFrame, job: Job) -> Card:
    """Train on the pages that are not held out, measure on those that are."""
    import fasttext

    settings = job.recipe.corpus.classifier
    shortest, longest = settings.subwords or (0, 0)
    training, held_out = job.out / "training.txt", job.out / "held_out.txt"
    counts = _write(labelled, training, held_out)
    examples = counts[POSITIVE] + counts[NEGATIVE]
    model = fasttext.train_supervised(
        str(training),
        dim=settings.dim,
        lr=settings.learning_rate,
        wordNgrams=settings.word_ngrams,
        minCount=settings.min_count,
        minn=shortest,
        maxn=longest,
        epoch=max(settings.epochs, ceil(settings.min_examples / examples)),
        bucket=settings.buckets,
        thread=settings.threads,
        seed=job.recipe.seed,
        verbose=0,
    )
    model.save_model(str(job.out / MODEL))
    truth, scores = _judged(model, held_out)
    training.unlink()
    held_out.unlink()
    return Card(counts[POSITIVE], counts[NEGATIVE], settings.page_words, len(truth), **_quality(truth, scores))


def _write(labelled: DataFrame, training: Path, held_out: Path) -> Counter[str]:
    """Write fastText's input line by line, so that the driver holds one page at a time; the training pages by label.

    Raises:
        UserError: every page of a label was held out.
    """
    counts: Counter[str] = Counter()
    with training.open("w", encoding="utf-8") as learned, held_out.open("w", encoding="utf-8") as kept:
        for row in labelled.toLocalIterator():
            (kept if row["is_held_out"] else learned).write(f"{row['label']} {row['line']}\n")
            counts[row["label"]] += not row["is_held_out"]
    if not counts[POSITIVE] or not counts[NEGATIVE]:
        raise UserError(f"classify: {sum(counts.values())} labelled pages are too few to hold some out: give more seed")
    return counts


def _judged(model: Any, held_out: Path) -> tuple[np.ndarray, np.ndarray]:
    """Of each held-out page: whether it is a positive, and its score."""
    truth: list[bool] = []
    scores: list[np.ndarray] = []
    with held_out.open(encoding="utf-8") as file:
        while batch := list(islice(file, JUDGED_AT_ONCE)):
            pairs = [text.rstrip("\n").partition(" ") for text in batch]
            truth += [label == POSITIVE for label, _, _ in pairs]
            scores.append(probabilities(model, [text for _, _, text in pairs]))
    return np.array(truth, bool), np.concatenate(scores) if scores else np.empty(0)


def _quality(truth: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    """Precision and recall at one half, and the area under the ROC curve; NaN where only one label is left."""
    from sklearn.metrics import precision_recall_fscore_support, roc_auc_score

    if len(set(truth.tolist())) < 2:
        return dict.fromkeys(("precision", "recall", "auc"), float("nan"))
    precision, recall, _, _ = precision_recall_fscore_support(truth, scores >= 0.5, average="binary", zero_division=0.0)
    return {"precision": float(precision), "recall": float(recall), "auc": float(roc_auc_score(truth, scores))}


if __name__ == "__main__":
    # Under its own name, so that Spark's workers find its functions there.
    sys.exit(import_module("mathmill.corpus.classify").main())
