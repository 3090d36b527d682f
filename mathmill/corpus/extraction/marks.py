"""Marks that travel through the parsed page and its plain text: where formulas, code, blocks and links stand.

They are control characters, which HTML forbids; those that a page does hold are deleted from it. A formula is a
numbered mark in the text until the text is finished, so that nothing between changes it or finds it again.
"""

import re

FORMULA, FORMULA_END = "\x01", "\x02"
LINK, LINK_END = "\x03", "\x04"
CODE, CODE_END = "\x05", "\x06"
BLOCK, BLOCK_END = "\x07", "\x08"
"""Around the number of a preformatted block."""
SCRIPT = "\x0e"
"""Before a superscript or subscript that became LaTeX."""
BREAK = "\x0f"
"""Around a display, which stands on a line of its own."""
KEPT = "\x10"
"""At the start of an element that was read and left as it is."""
ALL = (FORMULA, FORMULA_END, LINK, LINK_END, CODE, CODE_END, BLOCK, BLOCK_END, SCRIPT, BREAK, KEPT)

NUMBERED_FORMULA = re.compile(f"{FORMULA}([0-9]{{1,9}}){FORMULA_END}")
NUMBERED_BLOCK = re.compile(f"{BLOCK}([0-9]{{1,9}}){BLOCK_END}")
LINK_TAG, LINK_END_TAG = f"{LINK}<a ".encode(), f"</a>{LINK_END}".encode()
OLD_WITHIN = 10_000
"""Bytes in which pages that write their tags in capitals begin their body."""


def mark_links(page: bytes) -> bytes:
    """A page in UTF-8 with a mark at both ends of every link, and no other marks."""
    for mark in ALL:
        if mark.encode() in page:
            page = page.replace(mark.encode(), b"")
    # Splitting and joining is faster than replacing.
    page = LINK_END_TAG.join(LINK_TAG.join(page.split(b"<a ")).split(b"</a>"))
    if b"<BODY" in page[:OLD_WITHIN]:
        page = page.replace(b"<A ", LINK.encode() + b"<A ").replace(b"</A>", b"</A>" + LINK_END.encode())
    return page


def without_marks(text: str) -> str:
    """The text without any mark."""
    for mark in ALL:
        if mark in text:
            text = text.replace(mark, "")
    return text
