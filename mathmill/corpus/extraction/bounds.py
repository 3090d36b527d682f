"""Pages that parsing or drawing would take quadratic time or memory for, made harmless beforehand."""

import re

LARGE = 100_000
"""Bytes of a page from which it is looked at; smaller ones cannot take long."""
MOST_LISTS = 5_000
LIST_TAG = re.compile(rb"</?[uo]l\b[^<>]*>")
LONGEST_TAG = 50_000
"""Bytes of a tag."""
MOST_ATTRIBUTES = 2_000


def bounded(page: bytes) -> bytes:
    """The page without what is quadratic in it.

    That is its lists, where they may nest so deep that indenting their items would fill the memory, and tags of
    thousands of attributes, each of which the parser compares with all before it.
    """
    if len(page) < LARGE:
        return page
    if page.count(b"<ul") + page.count(b"<ol") > MOST_LISTS:
        page = LIST_TAG.sub(b"", page)
    pieces = page.split(b">")
    if max(map(len, pieces)) > LONGEST_TAG:
        page = b">".join(map(_without_long_tag, pieces))
    return page


def _without_long_tag(piece: bytes) -> bytes:
    """What precedes the end of a tag, without that tag if it has too many attributes."""
    start = piece.rfind(b"<")
    is_long = start >= 0 and len(piece) - start > LONGEST_TAG and len(piece[start:].split()) > MOST_ATTRIBUTES
    return piece[:start] + b"<br" if is_long else piece
