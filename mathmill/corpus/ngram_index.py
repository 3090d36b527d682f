"""The n-grams of benchmark texts, and where pages hold them.

An n-gram is `size` words in a row of a benchmark text, and as many more as it takes to hold `REAL_WORDS` different real
words: tables of numbers, alphabets and formulas share ten "words" with one another by chance. A real word has two
letters, or is a Han character. A text of `least` to `size - 1` words is one n-gram as a whole, and so is a longer one
that has none else; these need two letters in real words.

Words and symbols are those of `mathmill.corpus.normalisation`. A page holds an n-gram when it has the same symbols in a
row, from where one of its words starts to where one ends. Stretches are compared by a polynomial hash modulo 2^64: does
an n-gram begin as the page does at this word (`ANCHORS`), and of these, does one have the hash of as many symbols? What
is left is compared symbol by symbol, so every hit is exact, and most of a page costs a few NumPy operations.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from mathmill.corpus.normalisation import HAN, SEPARATED, Flags, Positions, Symbols, symbols

Hashes = npt.NDArray[np.uint64]

REAL_WORDS = 3
"""Different real words in an n-gram that is a part of its text."""
LETTERS = 2
"""Letters in the real words of one that is its whole text."""
ANCHORS = (3, 8, 16)
"""An n-gram is first recognised by the greatest of these numbers of symbols that it has; with fewer, never."""
BUFFER = 1 << 16
"""Characters that are read at once: enough to spread the cost of a NumPy call, few enough for the processor's cache."""
PIECE = 1 << 17
"""Symbols that are compared at once: what bounds the memory for a long page."""
BASE = 0x9E3779B97F4A7C15
"""Of the polynomial; odd, so that it has an inverse modulo 2^64."""


@dataclass(frozen=True, slots=True)
class NgramRule:
    """What counts as an n-gram."""

    size: int
    """Words of an n-gram."""
    least: int
    """Words of the shortest text that is matched as a whole."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A place where a page holds an n-gram."""

    page: int
    """Index among the pages searched."""
    start: int
    """Index in the page's text of its first character."""
    end: int
    """One past its last character."""
    ngram: int
    """The n-gram's hash, as a signed number of 64 bits."""
    words: int
    """Words of the n-gram as the benchmark writes it."""
    texts: tuple[int, ...]
    """Numbers of the benchmark texts that have the n-gram, ascending."""


class Ngrams(NamedTuple):
    """N-grams of some texts; g of them, all arrays of shape (g,)."""

    texts: Positions
    """Number of the text of each, ascending."""
    first: Positions
    """Index of its first word and of its last."""
    last: Positions


class Hashed:
    """The hash of every stretch of a text, in two operations."""

    def __init__(self, found: Symbols) -> None:
        size = len(found.symbols)
        power, self._inverse = _powers(max(2 * PIECE, 1 << size.bit_length()))
        values = found.symbols.astype(np.uint64)
        sums = np.zeros(size + 1, np.uint64)
        np.cumsum(values * power[:size], out=sums[1:])
        self._until = sums
        # That a digit is separated from one before it is no matter to a stretch that starts with it.
        self._before = sums[:-1] + (values & np.uint64(SEPARATED)) * power[:size]

    def __call__(self, starts: Positions, ends: Positions) -> Hashes:
        """Hashes of the stretches from `starts` to `ends`, exclusive, which have one shape."""
        hashes: Hashes = (self._until[ends] - self._before[starts]) * self._inverse[starts]
        return hashes


@cache
def _powers(count: int) -> tuple[Hashes, Hashes]:
    """The powers of the base from 0 to `count - 1`, and their inverses."""
    powers = []
    for factor in (BASE, pow(BASE, -1, 1 << 64)):
        factors = np.full(count, factor, np.uint64)
        factors[0] = 1
        powers.append(np.cumprod(factors))
    return powers[0], powers[1]


@dataclass(frozen=True, slots=True)
class Beginnings:
    """How n-grams begin: the hashes of their first `size` symbols; b different ones."""

    size: int
    hashes: Hashes
    """Shape (b,), ascending."""
    first: Positions
    """Shape (b + 1,): where the lengths of each stand, up to where the next one's do."""
    lengths: Positions
    """Symbols of the n-grams that begin so, ascending for each beginning."""
    filter: Flags
    """For each value of a hash's first bits, whether a beginning has it."""

    @classmethod
    def of(cls, size: int, hashes: Hashes, lengths: Positions) -> Self:
        """The beginnings `hashes` of n-grams of `lengths` symbols, both of one shape."""
        hashes, lengths = _distinct(hashes, lengths)
        unique, first = np.unique(hashes, return_index=True)
        bits = (16 * len(unique) | 1).bit_length()
        present = np.zeros(1 << bits, np.bool_)
        present[unique >> np.uint64(64 - bits)] = True
        return cls(size, unique, np.append(first, len(hashes)), lengths, present)

    def stretches(self, found: Symbols, hashed: Hashed) -> tuple[Positions, Positions]:
        """Starts and ends of the stretches of a text, from where a word starts, that may be n-grams."""
        starts = found.starts[: np.searchsorted(found.starts, len(found.symbols) - self.size, side="right")]
        hashes = hashed(starts, starts + self.size)
        bits = len(self.filter).bit_length() - 1
        may = np.flatnonzero(self.filter.take((hashes >> np.uint64(64 - bits)).astype(np.intp)))
        place = np.searchsorted(self.hashes, hashes[may])
        known = place < len(self.hashes)
        known[known] = self.hashes[place[known]] == hashes[may[known]]
        place, starts = place[known], starts[may[known]]
        low, high = self.first[place], self.first[place + 1]
        starts = np.repeat(starts, high - low)
        return starts, starts + self.lengths[_ranges(low, high)]


class NgramIndex:
    """Benchmark texts by their n-grams."""

    def __init__(
        self, texts: Sequence[str], rule: NgramRule, hashes: Hashes, owners: Positions, beginnings: Sequence[Beginnings]
    ) -> None:
        self.texts, self.rule = texts, rule
        self.hashes = hashes
        """Of the n-grams, ascending; once for each text that has it."""
        self.owners = owners
        """Number of that text, ascending within equal hashes."""
        self._beginnings = beginnings
        self._longest = max((int(one.lengths.max(initial=0)) for one in beginnings), default=0)
        self._words = lru_cache(4096)(self._words_of)

    @classmethod
    def of(cls, texts: Sequence[str], rule: NgramRule) -> Self:
        """The index of the n-grams of `texts`, which are numbered from 0."""
        hashes, owners = [], []
        begun: dict[int, list[tuple[Hashes, Positions]]] = {size: [] for size in ANCHORS}
        for first, last in buffers(texts):
            found, ngrams = _ngrams(texts[first:last], rule)
            hashed = Hashed(found)
            starts, ends = found.starts[ngrams.first], found.ends[ngrams.last]
            hashes.append(hashed(starts, ends))
            owners.append(ngrams.texts + first)
            longest = np.searchsorted(ANCHORS, ends - starts, side="right") - 1
            for place, size in enumerate(ANCHORS):
                one = longest == place
                begun[size].append((hashed(starts[one], starts[one] + size), ends[one] - starts[one]))
        beginnings = [Beginnings.of(size, *_joined(parts)) for size, parts in begun.items()]
        return cls(texts, rule, *_distinct(*_joined(zip(hashes, owners, strict=True))), beginnings)

    def texts_with_ngrams(self) -> list[int]:
        """The numbers of the texts that have an n-gram."""
        return np.unique(self.owners).tolist()

    def save(self, folder: Path) -> None:
        """Write the index to a new folder."""
        folder.mkdir()
        rule = {"size": self.rule.size, "least": self.rule.least}
        (folder / "texts.json").write_text(json.dumps({"rule": rule, "texts": list(self.texts)}), encoding="utf-8")
        for name, array in self._arrays():
            np.save(folder / f"{name}.npy", array)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The index in `folder`; the processes of a host share its arrays, which are memory-mapped."""
        content = json.loads((folder / "texts.json").read_text(encoding="utf-8"))

        def array(name: str) -> npt.NDArray:
            return np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r"))

        beginnings = [
            Beginnings(size, *(array(f"{name}-{size}") for name in ("hashes", "first", "lengths", "filter")))
            for size in ANCHORS
        ]
        return cls(content["texts"], NgramRule(**content["rule"]), array("hashes"), array("owners"), beginnings)

    def _arrays(self) -> Iterator[tuple[str, npt.NDArray]]:
        yield from (("hashes", self.hashes), ("owners", self.owners))
        for one in self._beginnings:
            for name in ("hashes", "first", "lengths", "filter"):
                yield f"{name}-{one.size}", getattr(one, name)

    def find(self, pages: Sequence[str]) -> Iterator[Hit]:
        """Every place where one of `pages` holds an n-gram, by page and place."""
        for first, last in buffers(pages):
            text = "\n".join(pages[first:last])
            begin = np.cumsum([0, *(len(page) + 1 for page in pages[first:last])])
            for hit in self._find(text):
                page = int(np.searchsorted(begin, hit.start, side="right")) - 1
                offset = int(begin[page])
                if hit.end < begin[page + 1]:
                    yield Hit(first + page, hit.start - offset, hit.end - offset, hit.ngram, hit.words, hit.texts)

    def _find(self, text: str) -> Iterator[Hit]:
        """The hits of a text by itself, as those of page 0."""
        for piece in symbols(text).pieces(PIECE, self._longest):
            yield from self._find_in(piece)

    def _find_in(self, found: Symbols) -> Iterator[Hit]:
        hashed = Hashed(found)
        stretches = [one.stretches(found, hashed) for one in self._beginnings]
        starts, ends = (np.concatenate(part) for part in zip(*stretches, strict=True))
        is_end = np.zeros(len(found.symbols) + 1, np.bool_)
        is_end[found.ends] = True
        whole = np.flatnonzero(is_end.take(ends, mode="clip") & (ends <= len(found.symbols)))
        order = whole[np.lexsort((ends[whole], starts[whole]))]
        starts, ends = starts[order], ends[order]
        hashes = hashed(starts, ends)
        low, high = (np.searchsorted(self.hashes, hashes, side=side) for side in ("left", "right"))
        for one in np.flatnonzero(low < high):
            key = found.key(starts[one], ends[one])
            owners = [number for number in self.owners[low[one] : high[one]].tolist() if key in self._words(number)]
            if owners:
                yield Hit(
                    page=0,
                    start=int(found.origin[starts[one]]),
                    end=int(found.origin[ends[one] - 1]) + 1,
                    ngram=int(hashes[one].astype(np.int64)),
                    words=self._words(owners[0])[key],
                    texts=tuple(owners),
                )

    def _words_of(self, number: int) -> dict[bytes, int]:
        """The symbols of each n-gram of text `number`, and its number of words."""
        found, ngrams = _ngrams([self.texts[number]], self.rule)
        return {
            found.key(found.starts[first], found.ends[last]): int(last - first) + 1
            for first, last in zip(ngrams.first, ngrams.last, strict=True)
        }


def buffers(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """First and last index, exclusive, of the texts that are read at once."""
    first = size = 0
    for index, text in enumerate(texts):
        size += len(text)
        if size >= BUFFER:
            yield first, index + 1
            first, size = index + 1, 0
    if first < len(texts):
        yield first, len(texts)


def _ngrams(texts: Sequence[str], rule: NgramRule) -> tuple[Symbols, Ngrams]:
    """The n-grams of `texts`, and the symbols of the texts one after another that they are part of."""
    found = symbols("\n".join(texts))
    ends_of_texts = np.cumsum([len(text) + 1 for text in texts])
    owner = np.searchsorted(ends_of_texts, found.origin[found.starts], side="right")
    han = (found.symbols[found.starts] & HAN) != 0
    letters = found.letters()
    real = (letters >= LETTERS) | han
    words = Hashed(found)(found.starts, found.ends)
    rows: list[tuple[int, int, int]] = []
    bounds = np.searchsorted(owner, np.arange(len(texts) + 1))
    for number, (first, last) in enumerate(zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)):
        if last - first < rule.least:
            continue
        parts = _parts(words[first:last].tolist(), real[first:last].tolist(), rule.size)
        if parts:
            rows += [(number, first + start, first + end) for start, end in parts]
        elif int(letters[first:last][real[first:last]].sum()) >= LETTERS:
            rows.append((number, first, last - 1))
    table = np.array(rows, np.int64).reshape(-1, 3)
    length = found.ends[table[:, 2]] - found.starts[table[:, 1]]
    return found, Ngrams(*table[length >= ANCHORS[0]].T)


def _parts(words: Sequence[int], real: Sequence[bool], size: int) -> list[tuple[int, int]]:
    """First and last word of the n-grams that are parts of a text of `words`, from right to left."""
    parts = []
    next_real: list[tuple[int, int]] = []
    """The real words that come first from here on, different ones, each with its index."""
    for start in range(len(words) - 1, -1, -1):
        if real[start]:
            next_real = [(words[start], start), *(one for one in next_real if one[0] != words[start])][:REAL_WORDS]
        if start + size <= len(words) and len(next_real) == REAL_WORDS:
            parts.append((start, max(start + size - 1, next_real[-1][1])))
    return parts


def _distinct(keys: Hashes, values: npt.NDArray) -> tuple[Hashes, npt.NDArray]:
    """The different pairs of a key and a value, ascending."""
    order = np.lexsort((values, keys))
    keys, values = keys[order], values[order]
    new = np.ones(len(keys), np.bool_)
    new[1:] = (keys[1:] != keys[:-1]) | (values[1:] != values[:-1])
    return keys[new], values[new]


def _joined(parts: Iterable[tuple[Hashes, Positions]]) -> tuple[Hashes, Positions]:
    """Pairs of arrays, end to end."""
    empty = np.zeros(0, np.uint64), np.zeros(0, np.int64)
    first, second = zip(empty, *parts, strict=True)
    return np.concatenate(first), np.concatenate(second)


def _ranges(low: Positions, high: Positions) -> Positions:
    """The numbers from each `low` to its `high`, exclusive, one range after another."""
    size = high - low
    return np.arange(int(size.sum())) + np.repeat(low - (np.cumsum(size) - size), size)
