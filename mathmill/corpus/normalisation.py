r"""What two texts must share to be the same text to decontamination: their letters and digits, in order.

A text becomes a sequence of symbols. What is no symbol separates words and is otherwise ignored:

- **Case and Unicode form.** Letters are case-folded and taken apart (NFKD), and their marks are dropped: a ligature is
  its letters, a full-width or italic letter is the plain one, and so is one with an accent, however it is composed.
  Soft hyphens, zero-width and direction characters are not there at all.
- **Punctuation and white space** separate words, whatever they are and however many: quotes, dashes, `$`, `*`, `_`,
  non-breaking spaces, line breaks. Where they stand does not matter either (`2x` is `2 x`, `don't` is `dont`), except
  between digits: `1 2` is not `12`. A number with its thousands marked is one without (`spellings`).
- **LaTeX** commands for signs, spaces, fonts and layout are punctuation as the signs themselves are, those for letters
  are the letters, others are words (`mathmill.corpus.latex_commands`). So `\dfrac{1}{2}`, `\frac12` and `1/2` are the
  same, and so are `x^{2}`, `x^2` and `x` with a superscript 2, or `10{,}000`, `10\,000` and `10,000`.
- **Words** are what stands between two separators; a Han character is a word of its own.
"""

import re
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from mathmill.corpus.latex_commands import without_commands

Positions = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

POINTS = 0x32400
"""Code points from here on are no letters: the last Han block ends below."""
HAN_BLOCKS = ((0x3007, 0x3007), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0x20000, POINTS - 1))

SIGNS = {"√": "sqrt", "∑": "sum", "∏": "prod", "∫": "int", "∞": "infty", "∆": "δ"}
"""Signs that are read as the LaTeX command for them is."""
GROUPED = re.compile(r"(?<![\d.])\d{1,3}(?:(?:\{?,\}?(?:\\!)?|\\[,;:]|[\u00a0\u2009\u202f'\u2019])\d{3})+(?!\d)")
UNGROUPED = re.compile(r"(?<![\d.,])\d{4,}(?!\d)")
GROUP = re.compile(r"(?<=\d)(?=(?:\d{3})+$)")
SEPARATED, HAN, DIGIT = 1, 2, 4
"""Bits of a symbol below its code point: a digit separated from the digit before it; a Han character; a digit."""
SHIFT = 3
SUPERSCRIPT, SUBSCRIPT = 1, 2


@dataclass(frozen=True, slots=True)
class Symbols:
    """A text's letters and digits; n of them in w words."""

    symbols: npt.NDArray[np.uint32]
    """Shape (n,): code points with the bits above."""
    origin: Positions
    """Shape (n,): the index in the text of the character that each comes from."""
    starts: Positions
    """Shape (w,): where each word starts among the symbols."""
    ends: Positions
    """Shape (w,): where it ends, exclusive."""

    def key(self, start: int, end: int) -> bytes:
        """What equal stretches of two texts have equal: the symbols from `start` to `end`, exclusive."""
        stretch = self.symbols[start:end].copy()
        stretch[:1] &= ~np.uint32(SEPARATED)
        return stretch.tobytes()

    def pieces(self, size: int, overlap: int) -> Iterator["Symbols"]:
        """Stretches of `size` symbols, each with `overlap` more; the `starts` of a piece are those in its stretch."""
        for first in range(0, len(self.symbols), size):
            last = first + size + overlap
            starts = self.starts[slice(*np.searchsorted(self.starts, [first, first + size]))]
            ends = self.ends[slice(*np.searchsorted(self.ends, [first + 1, last + 1]))]
            yield Symbols(self.symbols[first:last], self.origin[first:last], starts - first, ends - first)

    def letters(self) -> Positions:
        """Shape (w,): the number of each word's symbols that are no digits."""
        letters = ((self.symbols & DIGIT) == 0).astype(np.int64)
        return np.add.reduceat(letters, self.starts) if len(self.starts) else self.starts


def symbols(text: str) -> Symbols:
    """The symbols of `text` by this module's rules."""
    table = _table()
    points = np.frombuffer(without_commands(text).encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.intp)
    if table.is_special.take(points).any():
        return _symbols_of_any(points, table)
    spread = table.symbol.take(points)
    kept = np.flatnonzero(spread != 0)
    return _divided(spread.take(kept), kept, np.diff(kept) > 1)


def _symbols_of_any(points: Positions, table: "_Table") -> Symbols:
    """The symbols of `points`, of which some become several or none."""
    lengths = table.length.take(points).astype(np.intp)
    place = np.repeat(np.arange(len(points)), lengths)
    within = np.arange(len(place)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    spread = table.expansion.take(table.first.take(points.take(place)) + within)
    kept = np.flatnonzero(spread != 0)
    origin = place.take(kept)
    script = table.script.take(points.take(origin))
    return _divided(spread.take(kept), origin, (np.diff(kept) > 1) | (script[1:] != script[:-1]))


def _divided(spread: npt.NDArray[np.uint32], origin: Positions, gap: Flags) -> Symbols:
    """The symbols `spread` in words; `gap` says, from the second on, whether a separator stands before."""
    if not len(spread):
        none = np.zeros(0, np.intp)
        return Symbols(spread, none, none, none)
    both = spread[1:] & spread[:-1]
    either = spread[1:] | spread[:-1]
    spread[1:] |= gap & ((both & DIGIT) != 0)
    starts = np.append(0, np.flatnonzero(gap | ((either & HAN) != 0)) + 1)
    return Symbols(spread, origin, starts, np.append(starts[1:], len(spread)))


@dataclass(frozen=True, slots=True)
class _Table:
    """What every code point becomes; all arrays but `expansion` of shape (sys.maxunicode + 1,)."""

    symbol: npt.NDArray[np.uint32]
    """The symbol that it becomes, 0 where it separates."""
    is_special: Flags
    """Whether it becomes several or none, or is a superscript or subscript."""
    length: npt.NDArray[np.uint8]
    """How many it becomes."""
    first: npt.NDArray[np.int32]
    """Where they stand in `expansion`."""
    expansion: npt.NDArray[np.uint32]
    script: npt.NDArray[np.uint8]


@cache
def _table() -> _Table:
    size = sys.maxunicode + 1
    symbol, script = np.zeros(size, np.uint32), np.zeros(size, np.uint8)
    length, first = np.ones(size, np.uint8), np.zeros(size, np.int32)
    expansion: list[int] = [0]
    scripts = {"<super>": SUPERSCRIPT, "<sub>": SUBSCRIPT}
    for point in range(POINTS):
        character = chr(point)
        becomes = _expansion(character)
        symbol[point] = becomes[0] if becomes else 0
        script[point] = scripts.get(unicodedata.decomposition(character).partition(" ")[0], 0)
        length[point], first[point] = len(becomes), len(expansion)
        expansion += becomes
    return _Table(symbol, (length != 1) | (script != 0), length, first, np.array(expansion, np.uint32), script)


def _expansion(character: str) -> list[int]:
    """The symbols that `character` becomes, with 0 for a separator among them."""
    if character in "ºª":
        return [0]
    if unicodedata.category(character) == "Cf":
        return []
    plain = unicodedata.normalize("NFKD", SIGNS.get(character, character)).casefold()
    plain = unicodedata.normalize("NFKD", plain)
    if unicodedata.decomposition(character).startswith("<fraction>"):
        plain = f" {plain} "
    becomes = [_symbol(one) for one in plain if not unicodedata.category(one).startswith("M")]
    return becomes if any(becomes) else becomes[:1]


def _symbol(letter: str) -> int:
    if not letter.isalnum():
        return 0
    point = ord(letter)
    is_han = any(low <= point <= high for low, high in HAN_BLOCKS)
    return point << SHIFT | HAN * is_han | DIGIT * ("0" <= letter <= "9")


def spellings(text: str) -> list[str]:
    """`text`, and where it has numbers of four digits and more, it with none or all of them in groups of three."""
    plain = GROUPED.sub(lambda number: re.sub(r"\D", "", number[0]), text)
    return list(dict.fromkeys([text, plain, UNGROUPED.sub(lambda number: GROUP.sub(",", number[0]), plain)]))
