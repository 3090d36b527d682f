"""Pairs of pages that are duplicates: found by what they share, then verified one by one."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from mathmill.corpus.minhash import are_near, similarity
from mathmill.recipe_corpus import MinHashRecipe

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

NEIGHBOURS = 8
"""In a bucket each page is compared with so many before it, besides the first: work grows with the pages of a bucket,
not with their pairs, and in a bucket of few pages all pairs are compared."""
SIDE = ("address", "digest", "signature", "shingles")
PAIRS = "greater long, smaller long"


def duplicate_pairs(keys: "DataFrame", minhash: MinHashRecipe) -> "DataFrame":
    """Pairs of pages (`greater` and `smaller` id) with the same address or text, or near-duplicates of each other.

    Args:
        keys: `mathmill.corpus.page_keys.KEYS` and the boolean `earlier`; two earlier pages are not compared.
        minhash: what near-duplicates are.
    """
    pairs = _candidates(keys)
    for end in ("greater", "smaller"):
        side = keys.select(keys["id"].alias(end), *[keys[name].alias(f"{end}_{name}") for name in SIDE])
        pairs = pairs.join(side, end)
    return pairs.mapInArrow(lambda batches: _verified(batches, minhash), PAIRS)


def _candidates(keys: "DataFrame") -> "DataFrame":
    """Pairs of pages that share a bucket, linked by O(pages) edges.

    A bucket is ordered by text, so that all but the first of several equal texts need no other link than to the first
    page: that of their common text joins them. A pair of equal ids stands for two rows that are the same.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    rows = keys.select(
        F.struct("id", "earlier").alias("page"),
        F.element_at("buckets", 1).alias("text"),
        F.explode("buckets").alias("bucket"),
    )
    bucket = Window.partitionBy("bucket").orderBy("text", "page.id", F.desc("page.earlier"))
    before = [F.lag("page", place).over(bucket) for place in range(1, NEIGHBOURS + 1)]
    others = F.array(F.first("page").over(bucket), *before).alias("others")
    ordered = rows.select("page", "text", F.lag("text").over(bucket).alias("text_before"), others)
    linked = F.when(F.col("text") == F.col("text_before"), F.slice("others", 1, 1)).otherwise(F.col("others"))
    pairs = ordered.where("text_before is not null").select("page", F.explode(linked).alias("other"))
    pairs = pairs.where("other is not null and not (page.earlier and other.earlier)")
    ends = [end("page.id", "other.id") for end in (F.greatest, F.least)]
    return pairs.select(ends[0].alias("greater"), ends[1].alias("smaller")).distinct()


def _verified(batches: Iterator[Any], minhash: MinHashRecipe) -> Iterator[Any]:
    import pyarrow.compute as pc

    for batch in batches:
        greater, smaller = ({name: batch.column(f"{end}_{name}") for name in SIDE} for end in ("greater", "smaller"))
        same = pc.or_kleene(*(pc.equal(greater[name], smaller[name]) for name in ("address", "digest")))
        are_pairs = pc.fill_null(same, False).to_numpy(zero_copy_only=False).copy()
        comparable = pc.and_(pc.is_valid(greater["signature"]), pc.is_valid(smaller["signature"]))
        if pc.any(comparable).as_py():
            (left, left_count), (right, right_count) = (_comparable(side, comparable) for side in (greater, smaller))
            near = are_near(similarity(left, right), left_count, right_count, minhash)
            are_pairs[comparable.to_numpy(zero_copy_only=False)] |= near
        yield batch.select(["greater", "smaller"]).filter(are_pairs)


def _comparable(side: dict[str, Any], comparable: Any) -> tuple[Any, Any]:
    signatures = side["signature"].filter(comparable).to_pylist()
    return np.array([np.frombuffer(one, np.uint8) for one in signatures]), side["shingles"].filter(
        comparable
    ).to_numpy()
