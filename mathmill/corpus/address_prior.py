"""What the address of a page says of it, joined with what the classifier says of its text.

A classifier's score presupposes the share of mathematics that it was trained with. The odds of its score, divided by
the odds of that share, are the likelihood ratio of the text; times the odds of mathematics at the page's own address
they give the page's probability. The share at an address is unknown and estimated from its pages' scores by
expectation maximisation (Saerens, Latinne and Decaestecker 2002): that of a domain is drawn towards the crawl's as by
`address_pages` further pages, that of a host towards its domain's, and so on to the second segment of the path, so
that an address of few pages says little that its surroundings do not.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

Floats = NDArray[np.float64]
ROUNDS = 20
GREATEST_LOG_ODDS = 7.0
"""Scores nearer to 0 or 1 than 1/1000 are taken for that: fastText is surer than it should be."""
LEAST_SHARE = 1e-3
BINS_PER_UNIT = 8
"""Bins of the log odds that an address's pages are counted in."""
DEPTHS = 3
"""Levels of a prefix: the host, and the host with one and two segments of the path."""
SHARES = "prefix string, prior_log_odds double"


def posterior(scores: DataFrame, prior_odds: float, address_pages: int) -> DataFrame:
    """Pages with their probability of being mathematics.

    Args:
        scores: `url`, `domain`, `prefix` (the longest that the page stands under), `text_score` (of the classifier,
            in [0, 1]).
        prior_odds: mathematical pages for each other page in the classifier's training.
        address_pages: weight, in pages, of the share of what surrounds an address in that of the address.

    Returns:
        The rows with `score` in [0, 1] in place of `prefix`.
    """
    mean = scores.agg(F.avg("text_score")).collect()[0][0]
    # Spark adds up in any order: without the last digits, every order comes to the same.
    crawl_share = round(0.5 if mean is None else mean, 9)
    inner = F.greatest(F.least("text_score", F.lit(1 - 1e-12)), F.lit(1e-12))
    clipped = F.greatest(F.least(F.log(inner / (1 - inner)), F.lit(GREATEST_LOG_ODDS)), F.lit(-GREATEST_LOG_ODDS))
    evidence = scores.withColumn("evidence", clipped - float(np.log(prior_odds)))
    counted = evidence.groupBy("domain", "prefix", F.round(F.col("evidence") * BINS_PER_UNIT).alias("bin")).count()
    gathered = counted.groupBy("domain").agg(
        F.sort_array(F.collect_list(F.struct("prefix", "bin", "count"))).alias("bins")
    )
    priors = gathered.mapInArrow(lambda batches: _priors(batches, crawl_share, address_pages), SHARES)
    score = 1 / (1 + F.exp(-(F.col("evidence") + F.col("prior_log_odds"))))
    return evidence.join(priors, "prefix").select("url", "domain", "text_score", score.alias("score"))


def shares(
    levels: Sequence[NDArray[np.intp]], evidence: Floats, counts: Floats, crawl_share: float, weight: float
) -> Floats:
    """The share of mathematics at the deepest address of every bin of pages.

    Args:
        levels: from the domain down, the address of each bin as its number in that level, shape (bins,).
        evidence: shape (bins,), log likelihood ratio of the bin's pages.
        counts: shape (bins,), pages of each.
        crawl_share: share of mathematics in the whole crawl.
        weight: of the share one level up, in pages.

    Returns:
        Shape (bins,), in (0, 1).
    """
    share = np.full(len(counts), crawl_share)
    for _ in range(ROUNDS):
        expected = counts / (1 + np.exp(-(evidence + _log_odds(share))))
        share = np.full(len(counts), crawl_share)
        for level in levels:
            pages, found, around = (np.bincount(level, of) for of in (counts, expected, counts * share))
            share = ((found + weight * around / pages) / (pages + weight))[level]
    return np.clip(share, LEAST_SHARE, 1 - LEAST_SHARE)


def _log_odds(share: Floats) -> Floats:
    inner = np.clip(share, LEAST_SHARE, 1 - LEAST_SHARE)
    odds: Floats = np.log(inner / (1 - inner))
    return odds


def _priors(batches: Iterator[Any], crawl_share: float, address_pages: int) -> Iterator[Any]:
    """The log odds of mathematics at every prefix of each domain (`SHARES`)."""
    import pyarrow as pa

    for batch in batches:
        for bins in batch["bins"].to_pylist():
            prefixes = [one["prefix"] for one in bins]
            evidence = np.array([one["bin"] for one in bins]) / BINS_PER_UNIT
            counts = np.array([one["count"] for one in bins], float)
            share = shares(_levels(prefixes), evidence, counts, crawl_share, address_pages)
            odds = dict(zip(prefixes, _log_odds(share).tolist(), strict=True))
            columns = [pa.array(odds.keys(), pa.string()), pa.array(odds.values(), pa.float64())]
            yield pa.RecordBatch.from_arrays(columns, ["prefix", "prior_log_odds"])


def _levels(prefixes: Sequence[str]) -> list[NDArray[np.intp]]:
    """One domain's addresses by level: the domain itself, then its hosts, then their folders."""
    parts = [prefix.split("/") for prefix in prefixes]
    levels = [np.zeros(len(parts), np.intp)]
    for depth in range(1, DEPTHS + 1):
        _, level = np.unique(["/".join(one[:depth]) for one in parts], return_inverse=True)
        levels.append(level.astype(np.intp))
    return levels
