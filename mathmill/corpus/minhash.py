"""MinHash: signatures whose share of equal entries estimates the Jaccard index of two texts' sets of shingles.

Broder, On the resemblance and containment of documents, 1997; permutations by multiplication (Dietzfelbinger and
others, 1997) of hashes that are random already; four bits of each entry are kept (Li and König, b-bit minwise
hashing, 2010). Bands of entries are the keys under which similar texts meet (Indyk and Motwani, 1998).
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from mathmill.corpus.shingles import BASE, mixed
from mathmill.recipe_corpus import MinHashRecipe

BITS = 4
"""Bits of each entry that a signature keeps."""
LOW = np.uint64(0x1111111111111111)
TILE = 256
"""Shingles permuted at once, in a buffer that fits a processor's cache."""

Minimums = NDArray[np.uint32]
Signatures = NDArray[np.uint8]


def minimums(shingles: Sequence[NDArray[np.uint32]], permutations: int) -> Minimums:
    """The smallest of each text's shingle hashes under every permutation.

    Returns:
        An array of texts x permutations; of a text without shingles the largest number throughout.
    """
    factors = _factors(permutations)
    smallest = np.full((len(shingles), permutations), np.iinfo(np.uint32).max, np.uint32)
    tile = np.empty((TILE, permutations), np.uint32)
    for row, hashes in zip(smallest, shingles, strict=True):
        for start in range(0, len(hashes), TILE):
            part = hashes[start : start + TILE, None]
            permuted = np.multiply(part, factors, out=tile[: len(part)])
            np.minimum(row, permuted.min(axis=0), out=row)
    return smallest


def band_keys(smallest: Minimums, bands: int, rows: int) -> NDArray[np.int64]:
    """A key for each text and band, the same for two texts that have the band's `rows` entries in common.

    Returns:
        An array of texts x bands.
    """
    entries = smallest[:, : bands * rows].reshape(-1, bands, rows).astype(np.uint64)
    keys = np.zeros(entries.shape[:2], np.uint64) + np.arange(1, bands + 1, dtype=np.uint64)
    for row in range(rows):
        keys = mixed(keys * np.uint64(BASE) + entries[:, :, row])
    return keys.view(np.int64)


def signatures(smallest: Minimums) -> Signatures:
    """The last four bits of each entry, two in a byte.

    Returns:
        An array of texts x permutations / 2.
    """
    low = (smallest & np.uint32(2**BITS - 1)).astype(np.uint8)
    return low[:, ::2] | (low[:, 1::2] << np.uint8(BITS))


def similarity(left: Signatures, right: Signatures) -> NDArray[np.float64]:
    """The Jaccard index that signatures estimate, at least 0.

    Entries of different shingles agree in four bits by chance once in 16 times, which is taken out.

    Args:
        left: texts x permutations / 2.
        right: as many, or one to compare with each.
    """
    different = np.ascontiguousarray(left).view(np.uint64) ^ np.ascontiguousarray(right).view(np.uint64)
    different |= different >> np.uint64(1)
    different |= different >> np.uint64(2)
    entries = left.shape[-1] * 8 // BITS
    unequal = np.bitwise_count(different & LOW).sum(axis=-1) / entries
    return np.maximum(0.0, 1 - unequal / (1 - 2.0**-BITS))


def containment(
    similarity: NDArray[np.float64], left: NDArray[np.int64], right: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The share of the shorter text's shingles that the other has, from their Jaccard index and numbers of shingles."""
    return similarity / (1 + similarity) * (left + right) / np.minimum(left, right)


def are_near(
    similarity: NDArray[np.float64], left: NDArray[np.int64], right: NDArray[np.int64], minhash: MinHashRecipe
) -> NDArray[np.bool_]:
    """Whether texts are near-duplicates, by their estimated Jaccard index and numbers of different shingles."""
    shorter, longer = np.minimum(left, right), np.maximum(left, right)
    is_little_longer = (longer <= 2 * shorter) & (longer - shorter <= minhash.banner)
    is_contained = containment(similarity, left, right) >= minhash.containment
    return (similarity >= minhash.threshold) | (is_little_longer & is_contained)


@cache
def _factors(permutations: int) -> NDArray[np.uint32]:
    """Odd numbers, by which multiplication permutes the 32-bit integers; the same on every machine, for ever."""
    numbers = mixed(np.arange(1, permutations + 1, dtype=np.uint64) * np.uint64(BASE))
    return (numbers >> np.uint64(32)).astype(np.uint32) | np.uint32(1)
