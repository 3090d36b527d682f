"""Text of pages as HTML, its LaTeX as MathML. Pages are strangers' work: nothing of them becomes markup or a link."""

import re
from functools import lru_cache
from html import escape, unescape
from xml.etree.ElementTree import Element, tostring

FORMULA = re.compile(r"\$\$(?P<display>[^$]+)\$\$|(?<!\\)\$(?P<inline>[^\s$](?:[^$\n]*[^\s$\\])?)\$(?!\d)")
"""Formulas as pages hold them; of `$5 and $6` nothing is one."""
LONGEST = 2000
"""Characters of a formula that is rendered; MathML is about thirty times as long."""
ELEMENTS = re.compile(
    "math|merror|mfrac|mi|mmultiscripts|mn|mo|mover|mpadded|mphantom|mprescripts|mroot|mrow|ms|mspace|msqrt|mstyle|msub"
    "|msubsup|msup|mtable|mtd|mtext|mtr|munder|munderover|none"
)
ATTRIBUTES = re.compile(
    "accent(?:under)?|column(?:align|lines|spacing)|depth|display(?:style)?|fence|form|height|largeop|linethickness|lspace"
    "|mathvariant|maxsize|minsize|movablelimits|row(?:lines|spacing)|rspace|scriptlevel|separator|stretchy|symmetric|width"
    "|xmlns"
)
ENTITY = re.compile(r"&#x[0-9A-Fa-f]{1,6};")


def as_html(text: str) -> str:
    """`text` with its formulas rendered; a formula that cannot be rendered stands as it is written."""
    parts, end = [], 0
    for found in FORMULA.finditer(text):
        parts += [escape(text[end : found.start()]), _formula(found["display"], found["inline"])]
        end = found.end()
    return "".join([*parts, escape(text[end:])])


def _formula(display: str | None, inline: str | None) -> str:
    latex, delimiter = (display, "$$") if display is not None else (inline or "", "$")
    shown = mathml(latex, "block" if delimiter == "$$" else "inline")
    return shown or f'<code class="tex">{escape(delimiter + latex + delimiter)}</code>'


@lru_cache(4096)
def mathml(latex: str, display: str) -> str | None:
    """The MathML of a formula; None for what the converter does not know, or is too long.

    Args:
        latex: without its delimiters.
        display: `block` or `inline`.
    """
    from latex2mathml.converter import convert_to_element

    if len(latex) > LONGEST:
        return None
    try:
        tree = convert_to_element(latex, display=display)
    except Exception:  # noqa: BLE001 - what the converter raises on a stranger's LaTeX has no common class
        return None
    _cleanse(tree)
    return tostring(tree, encoding="unicode")


def _cleanse(element: Element) -> None:
    """Leave only elements and attributes that show a formula, and characters in the place of their entities."""
    if not ELEMENTS.fullmatch(element.tag):
        element.tag = "mrow"
    for name in [name for name in element.attrib if not ATTRIBUTES.fullmatch(name)]:
        del element.attrib[name]
    if element.text:
        element.text = ENTITY.sub(lambda found: unescape(found[0]), element.text)
    for child in element:
        _cleanse(child)
