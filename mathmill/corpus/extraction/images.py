"""Images of formulas: the LaTeX is in the address that draws them, or in their alternative text."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, unquote_plus

from mathmill.corpus.extraction.marks import without_marks

SERVICES: tuple[tuple[str, str, str], ...] = (
    ("latex.php", "wordpress", "latex="),
    ("codecogs.com", "codecogs", "?"),
    ("mimetex", "mimetex", "?"),
    ("mathtex", "mimetex", "?"),
    ("cht=tx", "google_chart", "chl="),
    ("zhihu.com/equation", "zhihu", "tex="),
    ("render/math", "image", "math="),
    ("math.now.sh", "image", "="),
    ("/math?formula=", "image", "formula="),
    ("tex2img", "image", "eq="),
    ("upmath.me/", "image", "/svg/"),
    ("tex.s2cms", "image", "/svg/"),
)
"""Part of the address, name of the markup, and what comes before the formula in the address."""
WITH_ALTERNATIVE = {
    "latex": "image",
    "tex": "wikipedia",
    "latexcenter": "image",
    "latexdisplay": "image",
    "latexblock": "image",
    "latexblockcenter": "image",
    "math": "sphinx_image",
    "formulainl": "doxygen",
    "formuladsp": "doxygen",
    "mwe-math-fallback-image-inline": "wikipedia",
    "mwe-math-fallback-image-display": "wikipedia",
    "ql-img-inline-formula": "wordpress",
    "ql-img-displayed-equation": "wordpress",
    "texrender": "image",
    "x-ck12": "image",
    "mathimage": "image",
    "mimetex": "mimetex",
    "mathcode": "codecogs",
}
"""Name of the markup by an image's class, where its alternative text is the formula."""
DISPLAYED = frozenset(
    {
        "latexcenter",
        "latexdisplay",
        "latexblock",
        "latexblockcenter",
        "formuladsp",
        "mwe-math-fallback-image-display",
        "ql-img-displayed-equation",
    }
)
FOLDERS = ("/images/math/", "/media/math/render/", "upload.wikimedia.org/math/", "/filter/tex/", "/_images/math/")
"""Parts of addresses under which only images of formulas lie."""
DELIMITED = ("$", "\\(", "\\[", "\\begin{", "{\\displaystyle", "[tex]")
ADDRESSES = ("src", "data-src", "data-lazy-src", "data-original")
SOURCES = ("data-formula", "data-tex", "data-latex", "data-equation")
PARAMETER_END = re.compile(r"&(?:amp;)?(?:bg|fg|s|c|cht|chs|chf|chco|bcolor|is|r|mode|preview|from)=")
ENTITIES = (("&space;", " "), ("&plus;", "+"), ("&hash;", "#"), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))


def formula_image(image: Any) -> tuple[str, str, bool] | None:
    """Markup, source and display mode of an image that shows a formula; None for any other.

    Args:
        image: an `<img>` element.
    """
    get: Callable[[str], str | None] = image.getattr
    alternative = without_marks(get("alt") or "").strip()
    for name in ADDRESSES:
        if found := _drawn(without_marks(get(name) or ""), alternative):
            return found
    classes = (image.class_name or "").lower().split()
    markup = next((WITH_ALTERNATIVE[name] for name in classes if name in WITH_ALTERNATIVE), None)
    if get("eeimg") is not None:
        markup = "zhihu"
    source = next((value for name in SOURCES if (value := get(name))), alternative)
    if not source:
        return None
    if markup is None and any(folder in (get("src") or "") for folder in FOLDERS):
        markup = "image"
    if markup is None and source.startswith(DELIMITED) and len(source) > 2:
        markup = "image"
    return (markup, source, not DISPLAYED.isdisjoint(classes)) if markup else None


def _drawn(address: str, alternative: str) -> tuple[str, str, bool] | None:
    for part, markup, before in SERVICES:
        if part in address:
            place = address.find(before, address.find(part))
            place = address.find(before) if place < 0 else place
            source = address[place + len(before) :] if place >= 0 else ""
            if markup in {"codecogs", "mimetex"}:
                source = unquote(source)
            else:
                source = unquote_plus(PARAMETER_END.split(source, maxsplit=1)[0])
            for entity, character in ENTITIES:
                source = source.replace(entity, character)
            if markup == "wordpress" and alternative and not alternative.startswith("http"):
                source = alternative
            source = source.strip() or alternative
            return (markup, source, False) if source else None
    return None
