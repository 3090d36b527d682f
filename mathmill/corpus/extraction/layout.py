"""The finished text: white space, table rows, preformatted blocks."""

import re
from collections.abc import Sequence

from mathmill.corpus.extraction.marks import NUMBERED_BLOCK, without_marks

SPACES = (("\xa0", " "), ("\u200b", ""), ("\xad", ""), ("\ufeff", ""), ("\t\t", "\t"), ("\r", ""))
RUN = re.compile(r"(?<=\S) {2,}")
LINE_END = re.compile(r"[ \t]+\n")
BLANK_LINES = re.compile(r"\n{3,}")


def normalised(text: str) -> str:
    """The text with single spaces, one tab between cells, at most one blank line and nothing at the ends of lines."""
    for character, instead in SPACES:
        if character in text:
            text = text.replace(character, instead)
    return BLANK_LINES.sub("\n\n", LINE_END.sub("\n", RUN.sub(" ", text))).strip()


def with_blocks(text: str, blocks: Sequence[str]) -> str:
    """The text with its preformatted blocks in place of their marks, each on lines of its own."""

    def block(place: re.Match[str]) -> str:
        number = int(place[1])
        return without_blank_ends(blocks[number]) if number < len(blocks) else ""

    return NUMBERED_BLOCK.sub(block, text)


def without_blank_ends(block: str) -> str:
    """A block without blank lines before and after it and without spaces at the ends of its lines."""
    lines = [line.rstrip() for line in without_marks(block).replace("\xa0", " ").split("\n")]
    return "\n".join(lines).strip("\n")
