"""The one pass over a parsed page: every element that something has to be done with, and what."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from mathmill.corpus.extraction import boilerplate, elements, hevea, markups
from mathmill.corpus.extraction.scripts import replace_script
from mathmill.corpus.extraction.state import Page

Handler = Callable[[Page, Any], None]

SELECTORS = (
    "script,img,sup,sub,pre,label,header,nav,footer,aside,dialog,[hidden],[style*=none]"
    ",td>p:only-child,th>p:only-child,td>div:only-child"
)
MATH_TAG = re.compile(rb"math(?:jax)?>")
MATH_TAGS = "math,mml\\:math,m\\:math,d-math,mathjax"
"""Further elements, for pages in which one of them ends."""
MOST_NAMES = 64
"""Classes and ids that are looked for in a page; real pages have a few."""
NAME = re.compile(r"[A-Za-z_][\w-]*")
HIDING = re.compile(r"display\s*:\s*none")

BY_TAG: dict[str, Handler] = {
    "math": markups.math,
    "mml:math": markups.math,
    "m:math": markups.math,
    "d-math": lambda page, element: markups.written(page, element, "tex"),
    "mathjax": markups.asciimath_element,
    "mjx-container": markups.mathjax_container,
    "img": markups.image,
    "sup": lambda _, element: replace_script(element, raised=True),
    "sub": lambda _, element: replace_script(element, raised=False),
    "pre": elements.code,
    "label": elements.label,
    "header": elements.header,
    "nav": elements.block,
    "footer": elements.block,
    "dialog": elements.block,
    "aside": elements.aside,
}
BY_CLASS: dict[str, Handler] = {
    "fragment": elements.listing,
    "dcenter": hevea.display,
}
BY_ROLE: dict[str, Handler] = {"block": elements.block, "header": elements.header}


def selector(source: bytes) -> str:
    """The selector of all elements of a page that something has to be done with.

    Args:
        source: the page in UTF-8.
    """
    attributes = boilerplate.class_attributes(source)
    named = {name for attribute in attributes for name in _selectors_of(attribute)}
    named |= {f"#{name}" for name in boilerplate.identifiers(source)}
    return ",".join((SELECTORS, *sorted(named)[:MOST_NAMES], *([MATH_TAGS] if MATH_TAG.search(source) else [])))


def rewrite(tree: Any, selected: str, page: Page) -> None:
    """Turn every formula that an element holds into a mark, set code aside and drop boilerplate.

    Args:
        tree: the parsed page, which is changed.
        selected: its `selector`.
        page: collects what is found.
    """
    # A list of all at once: single items of the collection take as long as all of them.
    found = tree.document.query_selector_all(selected).values()
    tags = [element.tag for element in found]
    for element, tag in zip(found, tags, strict=True):
        if tag == "script":
            markups.script(page, element)
    for element, tag in zip(reversed(found), reversed(tags), strict=True):
        if page.is_exhausted:
            break
        if tag != "script" and (handle := BY_TAG.get(tag) or _handler(element, tag)):
            handle(page, element)


def _handler(element: Any, tag: str) -> Handler | None:
    """What to do with an element by its class, landmark role, id or place."""
    classes = element.class_name
    for name in classes.split() if classes else ():
        if handle := _by_class(name):
            return handle
    # The id of a section is a word of its heading.
    identifier = element.id
    if identifier in boilerplate.IDS and tag != "section" and not (classes or "").startswith("sect"):
        return BY_ROLE[boilerplate.role(identifier)]
    if element.hasattr("hidden") or HIDING.search(element.getattr("style") or ""):
        return elements.hidden
    return elements.cell if tag in {"p", "div"} else None


@lru_cache(100_000)
def _by_class(name: str) -> Handler | None:
    if name in markups.RENDERED:
        return markups.rendered
    if name in markups.CONTAINERS:
        return markups.container
    if markup := markups.WRITTEN.get(name):
        return lambda page, element: markups.written(page, element, markup)
    return BY_CLASS.get(name) or BY_ROLE.get(boilerplate.role(name))


@lru_cache(100_000)
def _selectors_of(attribute: bytes) -> tuple[str, ...]:
    """Selectors for the names in a class attribute that say what to do."""
    names = attribute.decode("utf-8", "replace").split()
    return tuple(f".{name}" for name in names if NAME.fullmatch(name) and _by_class(name))
