"""Marks that travel through the parsed page and its plain text: where formulas, code, cells and links stand.

They are Unicode noncharacters, which no text may hold; those that a page does hold are deleted from it. A formula is a
numbered mark in the text until the text is finished, so that nothing between changes it or finds it again.
"""

import re

FORMULA, FORMULA_END = "\ufdd0", "\ufdd1"
LINK, LINK_END = "\ufdd2", "\ufdd3"
CODE, CODE_END = "\ufdd4", "\ufdd5"
BLOCK, BLOCK_END = "\ufdd6", "\ufdd7"
"""Around the number of a preformatted block."""
SCRIPT = "\ufdd8"
"""Before a superscript or subscript that became LaTeX."""
BREAK = "\ufdd9"
"""Around a display, which stands on a line of its own."""

NUMBERED_FORMULA = re.compile(f"{FORMULA}([0-9]{{1,9}}){FORMULA_END}")
NUMBERED_BLOCK = re.compile(f"{BLOCK}([0-9]{{1,9}}){BLOCK_END}")
ANY = re.compile("[\ufdd0-\ufddf]+")
IN_BYTES = re.compile(rb"(?:\xef\xb7[\x90-\xaf])+")

_LINKS = tuple(
    (tag, f"{before}{tag.decode()}{after}".encode())
    for tag, before, after in ((b"<a ", LINK, ""), (b"</a>", "", LINK_END), (b"<A ", LINK, ""), (b"</A>", "", LINK_END))
)


def mark_links(page: bytes) -> bytes:
    """A page in UTF-8 with a mark at both ends of every link, and no other marks."""
    if b"\xef\xb7" in page:
        page = IN_BYTES.sub(b"", page)
    for tag, marked in _LINKS if b"<A " in page else _LINKS[:2]:
        page = page.replace(tag, marked)
    return page


def without_marks(text: str) -> str:
    """The text without any mark."""
    return ANY.sub("", text)
