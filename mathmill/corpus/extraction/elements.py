"""Elements without formulas of their own: code is set aside, cells are drawn together, boilerplate is dropped."""

import re
from typing import Any

from mathmill.corpus.extraction import markups
from mathmill.corpus.extraction.boilerplate import is_boilerplate, is_prose, may_hold_prose
from mathmill.corpus.extraction.marks import BLOCK, BLOCK_END, FORMULA, NUMBERED_FORMULA, without_marks
from mathmill.corpus.extraction.state import Page

KEPT_ASIDES = frozenset(
    {"topic", "footnote", "footnote-list", "admonition", "note", "warning", "tip", "sidenote", "marginnote", "citation"}
)
"""Classes of `<aside>` elements that are part of the text."""
BLOCK_TAG = re.compile(r"<(?:p|div|ul|ol|pre|table|dl)\b")
LONGEST_CELL = 800
"""Characters of HTML up to which a table cell's only paragraph is written on the row's line."""
LONGEST_HIDDEN = 5_000
"""Characters of text up to which a hidden element is dropped; pages hide longer ones until a script has run."""


def code(page: Page, element: Any) -> None:
    """Set a preformatted block aside, so that nothing touches its lines."""
    if "math" in (element.class_name or "").split():
        markups.written(page, element, "math")
        return
    for line_break in element.query_selector_all("br").values() if page.has_breaks else ():
        line_break.outer_text = "\n"
    text = page.text_of(element)
    if not text.strip():
        # The plain text after an empty block would keep its white space as if it stood in one.
        element.remove()
        return
    page.blocks.append(text)
    element.text = f"{BLOCK}{len(page.blocks) - 1}{BLOCK_END}"


def listing(page: Page, element: Any) -> None:
    """Set aside a listing of Doxygen's, in which each line is a `<div>`."""
    markup = element.inner_html
    page.read += len(markup)
    if "</div><div" in markup:
        element.inner_html = markup.replace("</div><div", "</div>\n<div")
    code(page, element)


def block(page: Page, element: Any) -> None:
    """Drop a block that is named as boilerplate."""
    _drop(page, element, header=False)


def header(page: Page, element: Any) -> None:
    """Drop a block that is named as a header, unless it holds a heading, as those of articles and sections do."""
    _drop(page, element, header=True)


def aside(page: Page, element: Any) -> None:
    """Drop what stands beside the text, but no footnotes and admonitions."""
    if KEPT_ASIDES.isdisjoint((element.class_name or "").split()):
        _drop(page, element, header=False)


def _drop(page: Page, element: Any, *, header: bool) -> None:
    text = page.text_of(element)
    if is_boilerplate(element, text, header=header):
        _remove(page, element, text)
    else:
        page.keep(element)


def _remove(page: Page, element: Any, text: str) -> None:
    """Remove an element, whose paragraphs of running text take its place."""
    if may_hold_prose(text):
        for paragraph in element.query_selector_all("p").values():
            if is_prose(page.text_of(paragraph)):
                element.parent.insert_before(paragraph, element)
    element.remove()


def hidden(page: Page, element: Any) -> None:
    """Drop a hidden element, unless all that it hides is a formula, which the page shows in another form."""
    text = page.text_of(element)
    if len(NUMBERED_FORMULA.findall(text)) == 1 and not without_marks(NUMBERED_FORMULA.sub("", text)).strip():
        element.outer_text = text
    elif len(text) <= LONGEST_HIDDEN and element.tag not in {"html", "body", "main", "article"}:
        _remove(page, element, text)
    else:
        page.keep(element)


def label(page: Page, element: Any) -> None:
    """Keep a form's label, which plain text leaves out, where it holds a formula: it is an answer to choose."""
    text = page.text_of(element)
    if FORMULA in text or "$" in text or "\\(" in text:
        element.outer_text = text
    else:
        element.remove()


def cell(page: Page, element: Any) -> None:
    """Write a table cell's only paragraph on the row's line."""
    markup = element.inner_html
    page.read += len(markup)
    if len(markup) <= LONGEST_CELL and not BLOCK_TAG.search(markup):
        element.outer_html = markup
