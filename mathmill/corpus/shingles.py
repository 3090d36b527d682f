"""Texts to the hashes of their shingles (runs of words), a batch of texts at once.

Cutting words one by one and hashing them takes several times as long as all that is done with them afterwards. Here a
batch is one array of code points: a word is a run of them between two places where the kind of character changes, and
its hash, a polynomial over the ring of 64-bit integers, is cut out of one running sum. A shingle's hash is such a
polynomial over its words' hashes. The words are those of `mathmill.corpus.words`.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mathmill.corpus.words import HAN, WORD, folded

LONGEST = 1 << 20
"""Of a longer text only so many characters count, which bounds the memory that a page can take."""
CHUNK = 1 << 17
"""Characters hashed at once: their arrays fit a processor's cache."""
CODE_POINTS = 0x110000
BASE = 0xD6E8FEB86659FD93
SEPARATOR = "\n"

Hashes = NDArray[np.uint64]


class Alphabet(NamedTuple):
    """What each code point is: tables of 0x110000 entries."""

    in_run: NDArray[np.bool_]
    """Characters that form a word with those beside them."""
    alone: NDArray[np.bool_]
    """Characters that are a word each."""
    values: Hashes
    """Random-looking numbers; 0 outside of words."""


def shingle_hashes(texts: Sequence[str], size: int) -> list[NDArray[np.uint32]]:
    """For each text a hash of every run of `size` words, in order; none where the text has fewer words.

    No hash is 0, since multiplication, which MinHash permutes them by, leaves 0 the smallest.
    """
    found: list[NDArray[np.uint32]] = []
    for chunk in _chunks(texts):
        words, starts = _word_hashes(chunk)
        shingles = _runs(words, size)
        found += [shingles[start : max(start, end - size + 1)] for start, end in pairwise(starts)]
    return found


def mixed(numbers: Hashes) -> Hashes:
    """A permutation of the 64-bit integers each bit of which hangs on all bits (the finaliser of SplitMix64)."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


def _chunks(texts: Sequence[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    length = 0
    for text in texts:
        cut = folded(text[:LONGEST])[:LONGEST]
        if chunk and length + len(cut) > CHUNK:
            yield chunk
            chunk, length = [], 0
        chunk.append(cut)
        length += len(cut)
    if chunk:
        yield chunk


def _word_hashes(texts: list[str]) -> tuple[Hashes, list[int]]:
    """Hashes of all words of the texts, and the number of the first word of each text, with the total as the last."""
    joined = SEPARATOR.join(texts) + SEPARATOR
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
    alphabet = _alphabet()
    in_run, alone = alphabet.in_run[codes], alphabet.alone[codes]
    begins, ends = alone | in_run, alone | in_run
    begins[1:] &= ~in_run[:-1] | alone[1:]
    ends[:-1] &= ~in_run[1:] | alone[:-1]
    begin, end = np.flatnonzero(begins), np.flatnonzero(ends) + 1
    powers, inverses = _powers()
    sums = np.zeros(len(codes) + 1, np.uint64)
    np.cumsum(alphabet.values[codes] * powers[: len(codes)], out=sums[1:])
    borders = np.cumsum([0, *(len(text) + len(SEPARATOR) for text in texts)])
    return mixed((sums[end] - sums[begin]) * inverses[begin]), np.searchsorted(begin, borders).tolist()


def _runs(words: Hashes, size: int) -> NDArray[np.uint32]:
    """Hashes of all runs of `size` words, those over the borders of texts included."""
    count = max(0, len(words) - size + 1)
    runs = np.zeros(count, np.uint64)
    for offset in range(size):
        runs *= np.uint64(BASE)
        runs += words[offset : offset + count]
    return np.maximum((mixed(runs) >> np.uint64(32)).astype(np.uint32), np.uint32(1))


@cache
def _alphabet() -> Alphabet:
    numbers = np.arange(CODE_POINTS, dtype=np.uint32)
    codes = numbers[(numbers < 0xD800) | (numbers > 0xDFFF)]
    every = codes.astype("<u4").tobytes().decode("utf-32-le")
    word, alone = (np.zeros(CODE_POINTS, np.bool_) for _ in range(2))
    for table, pattern in ((word, WORD), (alone, re.compile(f"[{HAN}]+"))):
        for found in pattern.finditer(every):
            table[codes[found.start() : found.end()]] = True
    values = mixed((np.arange(CODE_POINTS, dtype=np.uint64) + np.uint64(1)) * np.uint64(BASE))
    values[~word] = 0
    return Alphabet(word & ~alone, alone, values)


@cache
def _powers() -> tuple[Hashes, Hashes]:
    """The powers of BASE modulo 2**64, and those of its inverse, one for each place in a chunk."""
    return _geometric(BASE), _geometric(pow(BASE, -1, 1 << 64))


def _geometric(factor: int) -> Hashes:
    row: Any = np.full(max(LONGEST, CHUNK) + CHUNK, factor, np.uint64)
    row[0] = 1
    return np.multiply.accumulate(row)
