"""Preformatted blocks before parsing: elements that only colour code go, half of many pages' elements."""

import re

END = b"</pre>"
START = re.compile(rb"<pre\b[^<>]*>")
SPAN, SPAN_END = re.compile(rb"<span[^<>]*>"), b"</span>"
LINE_NUMBER = re.compile(rb"<span class=\"(?:lineno|linenos|line-number)\">[^<]*</span>")
STYLE = re.compile(rb"<style\b[^<>]*>[^<]*</style>")
KEPT = (b"math", b"MathJax", b"katex", b"<script")
"""What tells that a block holds formulas, or is none."""


def without_colours(page: bytes) -> bytes:
    """The page without line numbers of listings, its preformatted blocks without style sheets and `<span>` elements.

    Blocks that hold formulas stay as they are.
    """
    if b'<span class="line' in page:
        page = LINE_NUMBER.sub(b"", page)
    pieces = page.split(END)
    if len(pieces) == 1:
        return page
    for place, piece in enumerate(pieces[:-1]):
        if (start := piece.rfind(b"<pre")) >= 0 and (opening := START.match(piece, start)):
            block = piece[opening.end() :]
            if SPAN_END in block and not any(part in block for part in KEPT):
                block = STYLE.sub(b"", block) if b"<style" in block else block
                pieces[place] = piece[: opening.end()] + SPAN.sub(b"", block).replace(SPAN_END, b"")
    return END.join(pieces)
