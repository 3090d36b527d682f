"""A page's segments: its paragraphs, which blank lines divide."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from mathmill.corpus.words import words

BREAK = re.compile(r"\n[^\S\n]*\n\s*")


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment that something was found in."""

    number: int
    """Its place in the page, from 0."""
    text: str
    find: int
    """Index of the first of the finds that it holds some of."""


def without_segments(text: str, finds: Iterable[tuple[int, int]]) -> tuple[str, list[Segment]]:
    """`text` without the segments that hold some of `finds`, and these segments.

    Args:
        text: a page's.
        finds: first character, and one past the last, of each place found.
    """
    starts = [0, *(match.end() for match in BREAK.finditer(text))]
    ends = [*starts[1:], len(text)]
    first_find: dict[int, int] = {}
    for index, (start, end) in enumerate(finds):
        for number in range(bisect_right(starts, start) - 1, bisect_right(starts, end - 1)):
            first_find.setdefault(number, index)
    spans = list(zip(starts, ends, strict=True))
    rest = "".join(text[start:end] for number, (start, end) in enumerate(spans) if number not in first_find)
    return rest.strip(), [
        Segment(number, text[slice(*spans[number])].strip(), find) for number, find in sorted(first_find.items())
    ]


def cut_pages(batches: Iterator[Any], least: int, schema: Any) -> Iterator[Any]:
    """What is left of each page, and what is removed of it: rows by the Arrow schema `schema`.

    Args:
        batches: record batches of pages with their `finds` (start, end and what `removed` says of a find).
        least: bytes of UTF-8; a page of which less would be left is removed whole.
        schema: has the columns of a page, and for what is removed those of a find and `segment`, null for a whole page.
    """
    import pyarrow as pa

    for batch in batches:
        yield pa.RecordBatch.from_pylist([part for page in batch.to_pylist() for part in _cut(page, least)], schema)


def _cut(page: dict[str, Any], least: int) -> Iterator[dict[str, Any]]:
    finds = page.pop("finds")
    rest, segments = without_segments(page["text"], [(find["start"], find["end"]) for find in finds])
    if len(rest.encode()) < least:
        yield {**page, **finds[0]}
        return
    yield {**page, "text": rest, "token_count": len(words(rest))}
    for segment in segments:
        yield {**page, **finds[segment.find], "segment": segment.number, "text": segment.text}
