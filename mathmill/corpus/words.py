"""How text is cut into words, for counting, shingles, the classifier and decontamination."""

import re
import sys
import unicodedata
from functools import cache

import numpy as np
import numpy.typing as npt

HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
IN_RUN, ALONE = 1, 2
"""A letter or digit is part of a word with those around it, or a word of its own."""
WORD = re.compile(rf"[{HAN}]|[^\W_{HAN}]+")


def words(text: str) -> list[str]:
    """Runs of letters and digits in compatibility form and case-folded; a Han character is a word of its own."""
    return WORD.findall(folded(text))


def count_words(text: str) -> int:
    """The number of `words`, some five times as fast."""
    if text.isascii():
        characters: npt.NDArray[np.unsignedinteger] = np.frombuffer(text.encode("ascii"), np.uint8)
    else:
        characters = np.frombuffer(folded(text).encode("utf-32-le", "surrogatepass"), np.uint32)
    kinds = _kinds()[characters]
    in_run = kinds == IN_RUN
    run_starts = np.count_nonzero(in_run[1:] & ~in_run[:-1]) + np.count_nonzero(in_run[:1])
    return int(run_starts + np.count_nonzero(kinds == ALONE))


@cache
def _kinds() -> "np.ndarray[tuple[int], np.dtype[np.uint8]]":
    """For every code point whether it is part of a word, and how."""
    size = sys.maxunicode + 1
    kinds = np.fromiter((chr(code).isalnum() for code in range(size)), np.uint8, size) * np.uint8(IN_RUN)
    for first, last in zip(HAN[::3], HAN[2::3], strict=True):
        kinds[ord(first) : ord(last) + 1] = ALONE
    return kinds


def folded(text: str) -> str:
    """Text in compatibility form and case-folded, as `words` cuts it."""
    return unicodedata.normalize("NFKC", text).casefold()
