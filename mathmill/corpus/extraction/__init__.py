r"""HTML to text, formulas kept as LaTeX in `$…$` and `$$…$$`."""

import re
from dataclasses import dataclass
from typing import Any

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import bytes_to_str, detect_encoding
from resiliparse.parse.html import HTMLTree

MATH = re.compile(r"\$[^$\n]+\$|\\\(|\\\[|\\begin\{")
DISPLAY = re.compile(r"display\s*=\s*[\"']?block")


@dataclass(frozen=True, slots=True)
class Extracted:
    """A page's text."""

    text: str
    has_math: bool


def extract(body: bytes) -> Extracted:
    """The main text of an HTML page."""
    tree: Any = HTMLTree.parse(bytes_to_str(body, detect_encoding(body) or "utf-8"))
    if tree.body is None:
        return Extracted("", has_math=False)
    _write_formulas(tree)
    text = extract_plain_text(tree, main_content=True, preserve_formatting=True, alt_texts=False).strip()
    return Extracted(text, has_math=MATH.search(text) is not None)


def _write_formulas(tree: Any) -> None:
    """Replace MathJax scripts and MathML with a TeX annotation by their LaTeX source."""
    for script in list(tree.body.query_selector_all('script[type^="math/tex"]')):
        marker = "$$" if "mode=display" in (script.getattr("type") or "") else "$"
        _replace(tree, script, f"{marker}{script.text.strip()}{marker}")
    for formula in list(tree.body.query_selector_all("math")):
        annotation = formula.query_selector('annotation[encoding="application/x-tex"]')
        source = annotation.text if annotation is not None else formula.getattr("alttext")
        if source:
            marker = "$$" if formula.getattr("display") == "block" else "$"
            _replace(tree, formula, f"{marker}{source.strip()}{marker}")


def _replace(tree: Any, node: Any, latex: str) -> None:
    span = tree.create_element("span")
    span.text = latex
    node.parent.replace_child(span, node)
