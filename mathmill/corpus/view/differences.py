"""What one corpus has that another has not: domains, pages, tokens."""

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from mathmill.corpus.addresses import domain
from mathmill.corpus.layout import Build

LONGEST = 50


@dataclass(frozen=True, slots=True)
class Side:
    """Pages that are in one of two corpora only."""

    pages: int
    tokens: int
    new_domains: int
    """Domains of these pages that the other corpus has nothing of."""
    domains: list[tuple[str, int, int]]
    """Domains with most tokens here: name, pages, tokens."""


@dataclass(frozen=True, slots=True)
class Difference:
    """From an earlier corpus to a later one."""

    added: Side
    lost: Side
    shared_pages: int


@lru_cache(8)
def difference(earlier: Build, later: Build) -> Difference:
    """Compare two finished builds by the URLs of their corpora.

    Parts that a refresh shares with its earlier build, as hard links, are equal and not read.
    """
    before, after = _parts(earlier.corpus), _parts(later.corpus)
    shared = before.keys() & after.keys()
    old = _pages([path for inode, path in before.items() if inode not in shared])
    new = _pages([path for inode, path in after.items() if inode not in shared])
    both = _rows([before[inode] for inode in shared])
    added, lost = new.join(old, "url", join_type="left anti"), old.join(new, "url", join_type="left anti")
    common = both + new.num_rows - added.num_rows
    of_common = _domains_of([before[inode] for inode in shared])
    return Difference(
        _side(added, of_common | set(map(domain, old["url"].to_pylist()))),
        _side(lost, of_common | set(map(domain, new["url"].to_pylist()))),
        common,
    )


def _parts(corpus: Path) -> dict[tuple[int, int], Path]:
    files = {path: path.stat() for path in sorted(corpus.glob("*.parquet"))}
    return {(found.st_dev, found.st_ino): path for path, found in files.items()}


def _pages(files: list[Path]) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not files:
        return pa.table({"url": pa.array([], pa.string()), "token_count": pa.array([], pa.int64())})
    return pa.concat_tables([pq.read_table(path, columns=["url", "token_count"]) for path in files])


def _rows(files: list[Path]) -> int:
    import pyarrow.parquet as pq

    return sum(pq.read_metadata(path).num_rows for path in files)


def _domains_of(files: list[Path]) -> set[str]:
    import pyarrow.parquet as pq

    return {domain(url) for path in files for url in pq.read_table(path, columns=["url"])["url"].to_pylist()}


def _side(pages: Any, known: set[str]) -> Side:
    counts: Counter[str] = Counter()
    tokens: Counter[str] = Counter()
    for url, count in zip(pages["url"].to_pylist(), pages["token_count"].to_pylist(), strict=True):
        counts[domain(url)] += 1
        tokens[domain(url)] += count or 0
    listed = [(name, counts[name], weight) for name, weight in tokens.most_common(LONGEST)]
    return Side(pages.num_rows, tokens.total(), len(counts.keys() - known), listed)
