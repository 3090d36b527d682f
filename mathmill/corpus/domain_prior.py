"""What the domain of a page says of it, joined with what the classifier says of its text.

A classifier's score presupposes the share of mathematics that it was trained with. The odds of its score, divided by
the odds of that share, are the likelihood ratio of the text; times the odds of mathematics in the page's own domain
they give the page's probability. A domain's share is unknown and estimated from its pages' scores by expectation
maximisation (Saerens, Latinne and Decaestecker 2002), drawn towards the crawl's share as by `domain_pages` further
pages, so that a domain of few pages says little.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

ROUNDS = 20
GREATEST_LOG_ODDS = 7.0
"""Scores nearer to 0 or 1 than 1/1000 are taken for that: fastText is surer than it should be."""
LEAST_SHARE = 1e-3
BINS_PER_UNIT = 8
"""Bins of the log odds that a domain's pages are counted in."""


def posterior(scores: DataFrame, prior_odds: float, domain_pages: int) -> DataFrame:
    """Pages with their probability of being mathematics.

    Args:
        scores: `url`, `domain`, `text_score` (of the classifier, in [0, 1]).
        prior_odds: mathematical pages for each other page in the classifier's training.
        domain_pages: weight of the crawl's share in a domain's, in pages.

    Returns:
        The same rows with the column `score` in [0, 1].
    """
    mean = scores.agg(F.avg("text_score")).collect()[0][0]
    # Spark adds up in any order: without the last digits, every order comes to the same.
    crawl_share = round(0.5 if mean is None else mean, 9)
    inner = F.greatest(F.least("text_score", F.lit(1 - 1e-12)), F.lit(1e-12))
    clipped = F.greatest(F.least(F.log(inner / (1 - inner)), F.lit(GREATEST_LOG_ODDS)), F.lit(-GREATEST_LOG_ODDS))
    evidence = scores.withColumn("evidence", clipped - float(np.log(prior_odds)))
    binned = evidence.groupBy("domain", F.round(F.col("evidence") * BINS_PER_UNIT).alias("bin")).count()
    counted = binned.groupBy("domain").agg(F.collect_list("bin").alias("bins"), F.collect_list("count").alias("counts"))
    shares = counted.mapInArrow(
        lambda batches: _shares(batches, crawl_share, domain_pages), "domain string, domain_log_odds double"
    )
    joined = evidence.join(shares, "domain")
    return joined.withColumn("score", 1 / (1 + F.exp(-(F.col("evidence") + F.col("domain_log_odds"))))).select(
        *scores.columns, "score"
    )


def domain_share(evidence: np.ndarray, counts: np.ndarray, crawl_share: float, domain_pages: float) -> float:
    """The share of mathematics in one domain.

    Args:
        evidence: float64 [bins], log likelihood ratios of the domain's pages.
        counts: [bins], pages of each.
        crawl_share: share of mathematics in the whole crawl.
        domain_pages: weight of `crawl_share`, in pages.
    """
    share = crawl_share
    for _ in range(ROUNDS):
        share = min(max(share, LEAST_SHARE), 1 - LEAST_SHARE)
        expected = counts @ (1 / (1 + np.exp(-(evidence + np.log(share / (1 - share))))))
        share = (expected + domain_pages * crawl_share) / (counts.sum() + domain_pages)
    return float(min(max(share, LEAST_SHARE), 1 - LEAST_SHARE))


def _shares(batches: Iterator[Any], crawl_share: float, domain_pages: int) -> Iterator[Any]:
    import pyarrow as pa

    for batch in batches:
        found = [
            domain_share(*_histogram(bins, counts), crawl_share, domain_pages)
            for bins, counts in zip(batch["bins"].to_pylist(), batch["counts"].to_pylist(), strict=True)
        ]
        odds = pa.array(np.log(np.array(found) / (1 - np.array(found))), pa.float64())
        yield pa.RecordBatch.from_pydict({"domain": batch["domain"], "domain_log_odds": odds})


def _histogram(bins: Sequence[float], counts: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Evidence and pages of each bin, in order, so that sums come out the same however Spark gathered them."""
    order = np.argsort(bins)
    return np.array(bins)[order] / BINS_PER_UNIT, np.array(counts, float)[order]
