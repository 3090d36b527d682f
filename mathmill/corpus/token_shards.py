"""The files of tokens that training memory-maps: Arrow streams with a row a document.

A shard appears under its name whole or not at all, and always the same, so its task may be tried again or run twice.
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from mathmill.corpus.tokenizer import loaded

SHARD = pa.schema(
    [("url", pa.string()), ("text_hash", pa.int64()), ("score", pa.float32()), ("input_ids", pa.list_(pa.int32()))]
)
"""Columns of a shard; `score` is null where the corpus has none."""
DOCUMENTS = pa.schema([("url", pa.string()), ("text_hash", pa.int64()), ("shard", pa.string()), ("tokens", pa.int32())])
"""Columns of the table that says which document is in which shard, and its length."""


def write_shards(
    batches: Iterator[pa.RecordBatch], tokenizer: tuple[Path, str], shards: Path, generation: int
) -> Iterator[Any]:
    """Write the shards that the rows of `batches` belong to; yield the rows of table `documents`.

    Args:
        batches: `shard` (a number), `url`, `text`, `text_hash` and `score`, all rows of a shard one after another.
        tokenizer: the folder of the tokenizer, and its digest.
        shards: the folder to write to, the same on all hosts.
        generation: the first part of the shards' names, which tells builds apart.
    """
    parts = (part for batch in batches for part in _by_shard(batch))
    for number, parts_of_shard in groupby(parts, key=itemgetter(0)):
        name = f"{generation:03d}-{number:05d}.arrow"
        with _new_shard(shards / name) as writer:
            for _, rows in parts_of_shard:
                documents = loaded(*tokenizer).encode(rows.column("text").to_pylist())
                lengths = np.array([len(one) for one in documents], np.int32)
                offsets = np.append(np.int32(0), np.cumsum(lengths, dtype=np.int32))
                tokens = pa.ListArray.from_arrays(offsets, np.concatenate(documents))
                keys = [rows.column("url"), rows.column("text_hash")]
                columns = [*keys, rows.column("score").cast(pa.float32()), tokens]
                writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=SHARD))
                names = pa.array([name] * len(documents))
                yield pa.RecordBatch.from_arrays([*keys, names, pa.array(lengths)], schema=DOCUMENTS)


@contextmanager
def _new_shard(path: Path) -> Iterator[pa.RecordBatchStreamWriter]:
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with pa.ipc.new_stream(str(temporary), SHARD) as writer:
            yield writer
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _by_shard(batch: pa.RecordBatch) -> Iterator[tuple[int, pa.RecordBatch]]:
    numbers = batch.column("shard").to_numpy()
    starts = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist()] if len(numbers) else []
    for start, end in zip(starts, [*starts[1:], len(numbers)], strict=True):
        yield int(numbers[start]), batch.slice(start, end - start)
