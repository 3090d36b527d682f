"""Drop pages that stand twice: by canonical URL, by content digest of the text, and near-duplicates by MinHash.

Of several pages the one with the smallest (fetch_time, url) survives, so the result does not hang on partitioning.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from mathmill.corpus.session import run_spark_job
from mathmill.corpus.tables import read_pages
from mathmill.job import Figures, Job, job_parser
from mathmill.recipe_corpus import MinHashRecipe

MERSENNE = np.uint64((1 << 61) - 1)


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point."""
    parser = job_parser(__doc__)
    parser.add_argument("--pages", type=Path, required=True)
    arguments = parser.parse_args(argv)
    return run_spark_job("dedup", arguments, run)


def run(spark: SparkSession, job: Job, arguments: argparse.Namespace) -> Figures:
    """Write `pages` without duplicates, and `duplicates` (url, duplicate_of, kind)."""
    pages = read_pages(spark, arguments.pages)
    if "fetch_time" not in pages.columns:
        pages = pages.withColumn("fetch_time", F.lit(None).cast("timestamp"))
    keyed = pages.select("url", "fetch_time", "text").mapInPandas(
        lambda frames: _keys(frames, job.recipe.corpus.minhash),
        "url string, fetch_time timestamp, address string, digest string, bands array<long>",
    )
    keyed = keyed.withColumn(
        "order", F.concat_ws(" ", F.coalesce(F.col("fetch_time").cast("string"), F.lit("")), "url")
    )
    keyed = keyed.persist()
    exact = _first_of(keyed, "address", "url").unionByName(_first_of(keyed, "digest", "digest"))
    banded = keyed.select("url", "order", F.posexplode("bands").alias("band", "value"))
    banded = banded.select("url", "order", F.concat_ws(":", "band", "value").alias("key"))
    near = _first_of(banded, "key", "near")
    links = exact.unionByName(near).where("url != duplicate_of").persist()
    dropped = _components(links).persist()
    dropped.write.parquet(str(job.out / "duplicates"))
    pages.dropDuplicates(["url"]).join(dropped.select("url"), "url", "left_anti").select(*pages.columns).write.parquet(
        str(job.out / "pages")
    )
    kinds = {row["kind"]: row["count"] for row in dropped.groupBy("kind").count().collect()}
    kept = spark.read.parquet(str(job.out / "pages")).count()
    return {"pages": kept, "dropped": keyed.count() - kept, **{f"dropped_{kind}": n for kind, n in kinds.items()}}


def signature_bands(text: str, recipe: MinHashRecipe) -> list[int]:
    """One 63-bit key a band; two texts share a band with probability 1-(1-J^rows)^bands, J their Jaccard index."""
    import xxhash

    from mathmill.corpus.words import words

    tokens = words(text)
    size = recipe.ngram
    grams = {" ".join(tokens[i : i + size]) for i in range(max(1, len(tokens) - size + 1))}
    hashes = np.fromiter((xxhash.xxh3_64_intdigest(gram.encode()) for gram in grams), np.uint64, len(grams))
    # The hashes come out of a Mersenne field so that multiply-add permutes them.
    factor, addend = _permutations(recipe.bands * recipe.rows)
    signature = (hashes[:, None] * factor + addend).min(axis=0).reshape(recipe.bands, recipe.rows)
    return [xxhash.xxh3_64_intdigest(row.tobytes()) >> 1 for row in signature]


def _permutations(count: int) -> tuple[Any, Any]:
    generator = np.random.default_rng(0)
    return generator.integers(1, MERSENNE, count, np.uint64) | np.uint64(1), generator.integers(
        0, MERSENNE, count, np.uint64
    )


def _keys(frames: Iterator[Any], recipe: MinHashRecipe) -> Iterator[Any]:
    import xxhash

    from mathmill.corpus.addresses import canonical

    for frame in frames:
        yield frame.assign(
            address=frame["url"].map(canonical),
            digest=frame["text"].map(lambda text: xxhash.xxh3_128_hexdigest(text.encode())),
            bands=frame["text"].map(lambda text: signature_bands(text, recipe)),
        ).drop(columns="text")


def _first_of(table: DataFrame, key: str, kind: str) -> DataFrame:
    """Star edges: every page points to the first page with the same key."""
    first = F.first("url").over(Window.partitionBy(key).orderBy("order"))
    return table.select("url", first.alias("duplicate_of"), F.lit(kind).alias("kind"), "order")


def _components(links: DataFrame) -> DataFrame:
    """Pages that are not the first of their component, by propagating the smallest page along the links."""
    edges = links.select("url", "duplicate_of").distinct()
    both = edges.unionByName(edges.select(F.col("duplicate_of").alias("url"), F.col("url").alias("duplicate_of")))
    both = both.persist()
    labels = both.groupBy("url").agg(F.least(F.min("duplicate_of"), F.col("url")).alias("label")).persist()
    while True:
        neighbours = both.join(labels.withColumnRenamed("url", "duplicate_of"), "duplicate_of")
        new = neighbours.groupBy("url").agg(F.min("label").alias("near")).join(labels, "url")
        new = new.select(
            "url", F.least("near", "label").alias("label"), (F.col("near") < F.col("label")).alias("moved")
        )
        new = new.localCheckpoint()
        moved = new.where("moved").count()
        labels = new.drop("moved")
        if not moved:
            break
    kinds = links.groupBy("url").agg(F.max("kind").alias("kind"))
    dropped = labels.where("url != label").join(kinds, "url", "left")
    return dropped.select("url", F.col("label").alias("duplicate_of"), F.coalesce("kind", F.lit("near")).alias("kind"))


if __name__ == "__main__":
    # Under its own name, so that Spark's workers find its functions there.
    sys.exit(import_module("mathmill.corpus.dedup").main())
