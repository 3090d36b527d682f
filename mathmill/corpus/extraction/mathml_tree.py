"""MathML as it stands in a page: its elements, and the TeX source that it may carry."""

import html
import re
from dataclasses import dataclass, field

TOKEN = re.compile(r"<(/?)(?:\w+:)?(\w+)((?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>|([^<]+)")
ANNOTATION = re.compile(
    r"(?i)<(?:\w+:)?annotation\b[^>]{0,200}?encoding=[\"']?(?:application/x-)?(?:tex|latex)[\"'][^>]{0,200}>"
)
ANNOTATION_END = re.compile(r"(?i)</(?:\w+:)?annotation>")
LONG_REFERENCE = re.compile(r"&#[xX]?[0-9A-Fa-f]{9,};?")
"""A reference to no character, with more digits than Python converts."""
DEEPEST = 60
"""Nested elements beyond this depth are read as if they stood beside each other."""


@dataclass(slots=True)
class Element:
    """An element of a formula, prefix dropped."""

    name: str
    attributes: str = ""
    children: list["Element"] = field(default_factory=list)
    text: str = ""

    def get(self, attribute: str) -> str:
        """The attribute's value, or the empty string."""
        found = re.search(rf"\b{attribute}\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|(\S+))", self.attributes)
        return _unescaped(found[1] or found[2] or found[3] or "").strip() if found else ""


def annotated(markup: str) -> str | None:
    """The TeX annotation of a serialised `<math>`, if it has one that is not blank."""
    found = ANNOTATION.search(markup)
    end = ANNOTATION_END.search(markup, found.end()) if found else None
    return (_unescaped(markup[found.end() : end.start()]).strip() or None) if found and end else None


def parsed(markup: str) -> Element:
    """The tree of a serialised `<math>`, whose elements are those that parsing HTML gave."""
    root = Element("math")
    path = [root]
    for closing, name, attributes, text in TOKEN.findall(_without_comments(markup)):
        if text:
            path[-1].text += _unescaped(text)
        elif closing:
            depth = next((depth for depth in range(len(path) - 1, 0, -1) if path[depth].name == name), 0)
            if depth:
                del path[depth:]
        elif name:
            element = Element(name.lower(), attributes)
            path[-1].children.append(element)
            if not attributes.endswith("/") and len(path) < DEEPEST:
                path.append(element)
    return root


def _without_comments(markup: str) -> str:
    first, *rest = markup.split("<!--")
    return first + "".join(piece.partition("-->")[2] for piece in rest)


def _unescaped(text: str) -> str:
    return html.unescape(LONG_REFERENCE.sub("\ufffd", text)) if "&" in text else text
