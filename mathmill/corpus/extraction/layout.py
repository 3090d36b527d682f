"""The finished text: white space, table rows, preformatted blocks."""

import re
from collections.abc import Sequence

from mathmill.corpus.extraction.marks import NUMBERED_BLOCK

NOTHING = ("\u200b", "\xad", "\ufeff", "\r")
"""Characters without width."""
RUN = re.compile(r"  +")
LONE_BULLET = re.compile(r"\n(  +(?:•|\d{1,4}\.))\n\n* +(?=[^\s•])(?!\d{1,4}\.)")
"""A bullet or number whose text begins a block further down."""
BLANK_LINES = re.compile(r"\n\n\n+")


def normalised(text: str) -> str:
    """The text with single spaces, one tab between cells, at most one blank line and nothing at the ends of lines."""
    for character in NOTHING:
        if character in text:
            text = text.replace(character, "")
    if "\t" in text:
        text = text.replace("\t\t", "\t").replace(" \t", "\t").replace("\t ", "\t")
    if "\xa0" in text:
        text = RUN.sub(_single, text.replace("\xa0", " "))
    if " \n" in text or "\t\n" in text:
        text = "\n".join([line.rstrip() for line in text.split("\n")])
    text = LONE_BULLET.sub(r"\n\1 ", text)
    return BLANK_LINES.sub("\n\n", text).strip() if "\n\n\n" in text else text.strip()


def _single(run: re.Match[str]) -> str:
    """One space for a run of them, except at the start of a line, where they indent it."""
    return run[0] if run.start() == 0 or run.string[run.start() - 1] == "\n" else " "


def with_blocks(text: str, blocks: Sequence[str]) -> str:
    """The text with its preformatted blocks in place of their marks, each once."""
    if not blocks:
        return text
    waiting = dict(enumerate(blocks))
    return NUMBERED_BLOCK.sub(lambda place: without_blank_ends(waiting.pop(int(place[1]), "")), text)


def without_blank_ends(block: str) -> str:
    """A block without blank lines before and after it and without spaces at the ends of its lines."""
    if " \n" in block or "\xa0" in block or "\t\n" in block:
        block = "\n".join([line.rstrip() for line in block.replace("\xa0", " ").split("\n")])
    return block.strip("\n").rstrip()
