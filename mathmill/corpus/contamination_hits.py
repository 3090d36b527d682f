"""Where pages hold n-grams of benchmarks, and which of these n-grams are evidence."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from mathmill.corpus.contamination import loaded

HITS = pa.schema(
    [
        ("url", pa.string()),
        ("start", pa.int32()),
        ("end", pa.int32()),
        ("ngram", pa.int64()),
        ("ngram_length", pa.int32()),
        ("matched_text", pa.string()),
        ("items", pa.list_(pa.struct([("benchmark", pa.string()), ("item_id", pa.string())]))),
        ("allowed", pa.bool_()),
    ]
)
"""A row for each place where a page holds an n-gram: `url` and the fields of `mathmill.corpus.contamination.Find`."""
OF_NGRAM = ("matched_text", "ngram_length", "items", "allowed")
"""Columns of a hit that tell of its n-gram."""


def find_hits(batches: Iterator[Any], folder: str) -> Iterator[Any]:
    """The hits in record batches of `url` and `text`, by the benchmark set saved in `folder`."""
    benchmarks = loaded(folder)
    for batch in batches:
        urls, texts = batch.column("url").to_pylist(), batch.column("text").to_pylist()
        rows = [
            {"url": urls[page], **find._asdict(), "items": [item._asdict() for item in find.items]}
            for page, find in benchmarks.find(texts)
        ]
        if rows:
            yield pa.RecordBatch.from_pylist(rows, HITS)


def count_ngrams(hits: DataFrame, common_pages: int | None) -> DataFrame:
    """Each n-gram with the number of `pages` that hold it, and by what it is `excused`: `common`, `allowed` or null."""
    pages = F.count_distinct("url").alias("pages")
    counted = hits.groupBy("ngram").agg(pages, *[F.min(name).alias(name) for name in OF_NGRAM])
    is_common = F.lit(False) if common_pages is None else F.col("pages") > common_pages
    return counted.withColumn("excused", F.when(F.col("allowed"), "allowed").when(is_common, "common"))
