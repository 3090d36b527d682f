"""What deduplication needs to know of a page instead of its text: one compact row, about 600 bytes."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mathmill.recipe_corpus import MinHashRecipe

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

KEYS = "id long, url string, address string, digest binary, buckets array<long>, signature binary, shingles long"
"""The table `keys`:

- `id`: hash of the page's whole row, by which tables are joined (together with `url` where a collision would matter)
- `url`, and `address`, its canonical form; null where the page has none
- `digest`: XXH3 of the text, 128 bits
- `buckets`: numbers that pages share which may be duplicates: the first is the text's, then comes the address's (where
  there is one), then one a band of the signature
- `signature`: MinHash of the text (`mathmill.corpus.minhash`); null where it has fewer words than a shingle
- `shingles`: how many different ones the text has
"""
OF_THE_FETCH = "fetch_time timestamp, is_truncated boolean"
"""What decides, beside the keys, which of two pages is kept."""
FORMAT = 1
"""Raised when keys come to be made otherwise, so that old ones cannot be compared with new ones."""


def row_id(pages: "DataFrame") -> "Column":
    """The column `id` of `keys`, computed from all columns of `pages`."""
    from pyspark.sql import functions as F

    # Maps have no order, so Spark does not hash them.
    return F.xxhash64(*[F.col(f"`{name}`") for name, kind in pages.dtypes if "map<" not in kind])


def page_keys(pages: "DataFrame", minhash: MinHashRecipe) -> "DataFrame":
    """KEYS and OF_THE_FETCH for each page.

    Args:
        pages: `url` and `text`; `fetch_time` and `content_truncated` (why the page was cut short, else null) count
            where they are there.
        minhash: how near-duplicates are found.
    """
    from pyspark.sql import functions as F

    has_time, has_mark = (name in pages.columns for name in ("fetch_time", "content_truncated"))
    time = F.col("fetch_time").try_cast("timestamp") if has_time else F.lit(None).cast("timestamp")
    is_truncated = F.col("content_truncated").isNotNull() if has_mark else F.lit(False)
    url = F.make_valid_utf8("url").alias("url")
    needed = pages.select(
        row_id(pages).alias("id"), url, "text", time.alias("fetch_time"), is_truncated.alias("is_truncated")
    )
    return needed.mapInArrow(lambda batches: _key_batches(batches, minhash), f"{KEYS}, {OF_THE_FETCH}")


def settings(minhash: MinHashRecipe) -> dict[str, int]:
    """What two tables of keys must have in common to be compared."""
    return {"format": FORMAT, **minhash.model_dump(include={"ngram", "permutations", "bands", "rows"})}


def _key_batches(batches: Iterator[Any], minhash: MinHashRecipe) -> Iterator[Any]:
    import pyarrow as pa

    for batch in batches:
        # As bytes, since a string of Spark's need not be valid UTF-8.
        texts = [text or b"" for text in batch.column("text").cast(pa.binary()).to_pylist()]
        columns = _columns(batch.column("url").to_pylist(), texts, minhash)
        columns |= {name: batch.column(name) for name in ("id", "url", "fetch_time", "is_truncated")}
        names = [column.split()[0] for column in f"{KEYS}, {OF_THE_FETCH}".split(", ")]
        yield pa.RecordBatch.from_pydict({name: columns[name] for name in names})


def _columns(urls: list[str | None], texts: list[bytes], minhash: MinHashRecipe) -> dict[str, Any]:
    import numpy as np
    import pyarrow as pa
    import xxhash

    from mathmill.corpus.addresses import canonical
    from mathmill.corpus.minhash import band_keys, minimums, signatures
    from mathmill.corpus.shingles import shingle_hashes

    addresses = [canonical(url) or None if url else None for url in urls]
    digests = [xxhash.xxh3_128_digest(text) for text in texts]
    shingles = shingle_hashes([text.decode(errors="replace") for text in texts], minhash.ngram)
    smallest = minimums(shingles, minhash.permutations)
    buckets = np.column_stack(
        [
            np.frombuffer(b"".join(digests), np.int64)[::2],
            np.array([xxhash.xxh3_64_intdigest((one or "").encode()) for one in addresses], np.uint64).view(np.int64),
            band_keys(smallest, minhash.bands, minhash.rows),
        ]
    )
    is_used = np.ones(buckets.shape, np.bool_)
    is_used[:, 1] = [one is not None for one in addresses]
    has_shingles = np.array([len(one) > 0 for one in shingles], np.bool_)
    is_used[:, 2:] = has_shingles[:, None]
    return {
        "address": pa.array(addresses, pa.string()),
        "digest": pa.array(digests, pa.binary()),
        "buckets": pa.ListArray.from_arrays(
            pa.array(np.cumsum([0, *is_used.sum(axis=1)]), pa.int32()), pa.array(buckets[is_used])
        ),
        "signature": pa.array(
            [row.tobytes() if has else None for row, has in zip(signatures(smallest), has_shingles, strict=True)],
            pa.binary(),
        ),
        "shingles": pa.array([_different(one) for one in shingles], pa.int64()),
    }


def _different(hashes: Any) -> int:
    import numpy as np

    # Several times as fast as np.unique, which makes a hash table.
    ordered = np.sort(hashes)
    return int(np.count_nonzero(ordered[1:] != ordered[:-1])) + (len(ordered) > 0)
