"""Single pages of a build: samples of a prefix, a random draw of the corpus, what was removed and why."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mathmill.corpus.layout import Iteration

AROUND = 600
"""Characters shown before and after a match."""
READ = ("url", "score", "iteration", "content_languages", "token_count", "text")


@dataclass(frozen=True, slots=True)
class Removal:
    """A page, or a segment of one, that held benchmark text."""

    url: str
    benchmark: str
    item_id: str
    ngram_length: int
    before: str
    matched_text: str
    """As it stands in the page, between `before` and `after`."""
    after: str


def sample_pages(iteration: Iteration, url_prefix: str) -> list[dict[str, Any]]:
    """Some pages of a prefix: url, score, kept (whether it was collected), text (its beginning)."""
    import pyarrow.parquet as pq

    samples = iteration.domains / "samples"
    if not samples.is_dir():
        return []
    return pq.read_table(samples, filters=[("url_prefix", "==", url_prefix)]).to_pylist()


def random_pages(corpus: Path, count: int, seed: int) -> list[dict[str, Any]]:
    """`count` pages of the table `corpus`, each as likely as another; only their row groups are read."""
    import pyarrow.parquet as pq

    files = [pq.ParquetFile(path) for path in sorted(corpus.glob("*.parquet"))]
    groups = [(file, group) for file in files for group in range(file.num_row_groups)]
    sizes = [file.metadata.row_group(group).num_rows for file, group in groups]
    drawn = sorted(random.Random(seed).sample(range(sum(sizes)), min(count, sum(sizes))))  # noqa: S311
    rows: list[dict[str, Any]] = []
    begin = 0
    for (file, group), size in zip(groups, sizes, strict=True):
        inside = [number - begin for number in drawn if begin <= number < begin + size]
        begin += size
        if inside:
            columns = [name for name in READ if name in file.schema_arrow.names]
            rows += file.read_row_group(group, columns=columns).take(inside).to_pylist()
    return rows


def removals(decontaminated: Path, benchmark: str | None, begin: int, count: int) -> tuple[list[Removal], int]:
    """`count` removals from `begin` on, of one benchmark or all, by benchmark, item and URL; and how many there are."""
    import pyarrow.dataset as ds

    table = ds.dataset(decontaminated / "removed", format="parquet")
    chosen = ds.field("benchmark") == benchmark if benchmark else None
    names = ["benchmark", "item_id", "url", "segment", "matched_text", "ngram_length"]
    found = table.to_table(columns=names, filter=chosen).sort_by([(name, "ascending") for name in names[:4]])
    shown = found.slice(begin, count).to_pylist()
    texts = _texts(table, [row["url"] for row in shown])
    return [_removal(row, texts[row["url"], row["segment"]]) for row in shown], found.num_rows


def _texts(table: Any, urls: Sequence[str]) -> dict[tuple[str, int | None], str]:
    import pyarrow as pa
    import pyarrow.dataset as ds

    of_these = ds.field("url").isin(pa.array(urls, pa.string()))
    rows = table.to_table(columns=["url", "segment", "text"], filter=of_these).to_pylist()
    return {(row["url"], row["segment"]): row["text"] for row in rows}


def _removal(row: dict[str, Any], text: str) -> Removal:
    before, matched, after = text.partition(row["matched_text"])
    return Removal(
        row["url"],
        row["benchmark"],
        row["item_id"],
        row["ngram_length"],
        before[-AROUND:],
        matched,
        after[:AROUND],
    )
