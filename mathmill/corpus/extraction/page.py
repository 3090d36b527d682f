r"""A page's bytes to its text.

The page is parsed once; one pass over the tree (`markups`) turns formulas into marks and drops boilerplate; the plain
text is drawn; formulas between delimiters are found in it (`delimiters`); then marks become LaTeX.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

from mathmill.corpus.extraction.boilerplate import without_link_lists
from mathmill.corpus.extraction.bounds import bounded
from mathmill.corpus.extraction.delimiters import COMMAND, mark_delimited, present
from mathmill.corpus.extraction.encoding import to_utf8
from mathmill.corpus.extraction.layout import normalised, with_blocks
from mathmill.corpus.extraction.marks import CODE, CODE_END, KEPT, SCRIPT, mark_links, without_marks
from mathmill.corpus.extraction.preformatted import without_colours
from mathmill.corpus.extraction.rewriting import rewrite, selector
from mathmill.corpus.extraction.state import Page

CODE_ELEMENTS = "code,tt,kbd,samp,textarea,.tex2jax_ignore,.mathjax_ignore"


@dataclass(frozen=True, slots=True)
class Extracted:
    """A page's text."""

    text: str
    """Paragraphs, headings, list items and table rows on lines of their own; formulas in `$…$` and `$$…$$`."""
    has_math: bool
    """Whether a formula was found, or LaTeX stands in the text."""
    formulas: Mapping[str, int] = field(default_factory=dict)
    """Formulas in the text by the markup that they were written in."""
    title: str | None = None


def extract(body: bytes, *, charset: str | None = None) -> Extracted:
    """The main text of an HTML page. Takes any bytes.

    Args:
        body: the page as it was served, decompressed.
        charset: the charset that the HTTP header names, if any.
    """
    source = mark_links(without_colours(bounded(to_utf8(body, charset))))
    # The source is looked through while it is in the processor's caches, before it is parsed.
    selected = selector(source)
    page = Page(source)
    tree: Any = HTMLTree.parse_from_bytes(source, "utf-8")
    if tree.body is None:
        return Extracted("", has_math=False)
    title = without_marks(tree.title or "").strip() or None
    rewrite(tree, selected, page)
    text = _plain(tree)
    if present(text, page.configuration):
        if _mark_code(tree):
            text = _plain(tree)
        text = mark_delimited(text, page.configuration, page.formulas)
    text = normalised(without_link_lists(text))
    scripts = text.count(SCRIPT)
    has_latex = COMMAND.search(text) is not None
    text, counts = page.formulas.write(with_blocks(text, page.blocks))
    if scripts:
        counts["sup_sub"] = scripts
    return Extracted(without_marks(text).strip(), bool(counts) or has_latex, counts, title)


def _plain(tree: Any) -> str:
    return extract_plain_text(tree, preserve_formatting=True, alt_texts=False).replace(KEPT, "")


def _mark_code(tree: Any) -> bool:
    """Put marks around the code in which something looks like a delimiter; whether there is any."""
    suspects = [
        node
        for node in tree.body.query_selector_all(CODE_ELEMENTS).values()
        if (text := node.text) and ("\\" in text or "$" in text or "`" in text)
    ]
    for node in suspects:
        node.prepend(tree.create_text_node(CODE))
        node.append(tree.create_text_node(CODE_END))
    return bool(suspects)
