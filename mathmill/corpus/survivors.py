"""Which pages of a component are kept, and of which each other page is a duplicate.

The pages of a component are taken in order: earlier builds' pages; whole pages before truncated ones; by time of
fetching (the unknown last); by length of the URL; by URL. A page is dropped when a page that was kept before it has the
same address or text, or is a near-duplicate. So each dropped page is a duplicate of a kept page itself, not by way of
others: of a chain A ~ B ~ C whose ends differ, A and C are kept. Pages of earlier builds are all kept.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mathmill.corpus.minhash import are_near, similarity
from mathmill.recipe_corpus import MinHashRecipe

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

COMPARED = 1000
"""Kept pages of a component, the first, that a page is compared with; a bound of memory and time that only chains of
many thousand pages reach. Equal addresses and texts are found beyond it."""
DROPPED = "id long, url string, duplicate_of string, kind string, similarity double, is_copy boolean"
"""A dropped page; `kind` is url, text or near; `is_copy`: the kept page is another copy of the very same row."""


def dropped_pages(members: "DataFrame", minhash: MinHashRecipe) -> "DataFrame":
    """The pages that are dropped, as DROPPED.

    Args:
        members: `component`, `earlier`, and the columns of `mathmill.corpus.page_keys.page_keys`.
        minhash: what near-duplicates are.
    """
    from pyspark.sql import functions as F

    order = [F.desc("earlier"), "is_truncated", F.asc_nulls_last("fetch_time"), F.length("url"), "url", "id"]
    ordered = members.repartition("component").sortWithinPartitions("component", *order)
    ordered = ordered.select([one.name for one in fields(Page)])
    return ordered.mapInArrow(lambda batches: _dropped(batches, minhash), DROPPED)


@dataclass(frozen=True, slots=True)
class Page:
    """A row of `members`."""

    component: int
    id: int
    url: str | None
    address: str | None
    digest: bytes
    signature: bytes | None
    shingles: int
    earlier: bool


@dataclass(frozen=True, slots=True)
class Original:
    """The kept page that another page duplicates."""

    page: Page
    kind: str
    similarity: float | None
    """Null where one of the two has no signature."""


@dataclass(slots=True)
class Kept:
    """The pages of one component that have been kept so far."""

    by_address: dict[str, Page] = field(default_factory=dict)
    by_text: dict[bytes, Original] = field(default_factory=dict)
    """What a further page with this digest duplicates: a kept page of this text, or of a similar one."""
    compared: list[Page] = field(default_factory=list)
    """Those that further pages are compared with, all with signatures."""

    def decide(self, page: Page, minhash: MinHashRecipe) -> Original | None:
        """The kept page that `page` duplicates; where there is none, `page` is kept, too."""
        if page.address is not None and (same := self.by_address.get(page.address)):
            return Original(same, "url", _similarity(same, page))
        original = self.by_text.get(page.digest) or self._near(page, minhash)
        if original is None:
            self.keep(page)
        else:
            self.by_text[page.digest] = original
        return original

    def keep(self, page: Page) -> None:
        """Keep a page whatever it duplicates."""
        if page.address is not None:
            self.by_address.setdefault(page.address, page)
        self.by_text.setdefault(page.digest, Original(page, "text", 1.0))
        if page.signature is not None and len(self.compared) < COMPARED:
            self.compared.append(page)

    def _near(self, page: Page, minhash: MinHashRecipe) -> Original | None:
        """The most similar of the near-duplicates of `page`, the first of equally similar ones."""
        if page.signature is None or not self.compared:
            return None
        estimates = _similarities(self.compared, page)
        counts = np.array([kept.shingles for kept in self.compared])
        near = are_near(estimates, counts, np.array([page.shingles]), minhash)
        if not near.any():
            return None
        best = int(np.where(near, estimates, -1.0).argmax())
        return Original(self.compared[best], "near", float(estimates[best]))


def _dropped(batches: Iterator[Any], minhash: MinHashRecipe) -> Iterator[Any]:
    import pyarrow as pa

    kept, component = Kept(), None
    names = [column.split()[0] for column in DROPPED.split(", ")]
    types = [pa.int64(), pa.string(), pa.string(), pa.string(), pa.float64(), pa.bool_()]
    schema = pa.schema(list(zip(names, types, strict=True)))
    for batch in batches:
        rows = []
        for page in (Page(**row) for row in batch.to_pylist()):
            if page.component != component:
                kept, component = Kept(), page.component
            if page.earlier:
                kept.keep(page)
            elif original := kept.decide(page, minhash):
                rows.append(_row(page, original))
        yield pa.RecordBatch.from_pylist(rows, schema)


def _row(page: Page, original: Original) -> dict[str, Any]:
    kept = original.page
    return {
        "id": page.id,
        "url": page.url,
        "duplicate_of": kept.url,
        "kind": original.kind,
        "similarity": original.similarity,
        "is_copy": (page.id, page.url) == (kept.id, kept.url) and not kept.earlier,
    }


def _similarity(left: Page, right: Page) -> float | None:
    if left.signature is None or right.signature is None:
        return None
    return float(_similarities([left], right)[0])


def _similarities(kept: list[Page], page: Page) -> NDArray[np.float64]:
    left = np.frombuffer(b"".join(one.signature or b"" for one in kept), np.uint8).reshape(len(kept), -1)
    return similarity(left, np.frombuffer(page.signature or b"", np.uint8))
