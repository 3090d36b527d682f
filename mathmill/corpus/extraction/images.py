"""Images of formulas: the LaTeX is in the address that draws them, or in their alternative text."""

import re
from typing import Any
from urllib.parse import unquote, unquote_plus

from mathmill.corpus.extraction.marks import without_marks

SERVICES: tuple[tuple[str, str, str], ...] = (
    ("latex.php", "wordpress", "latex="),
    ("codecogs.com", "codecogs", "?"),
    ("latex.csdn.net", "codecogs", "?"),
    ("mimetex", "mimetex", "?"),
    ("mathtex", "mimetex", "?"),
    ("chart.googleapis.com", "google_chart", "chl="),
    ("chart.apis.google.com", "google_chart", "chl="),
    ("google.com/chart", "google_chart", "chl="),
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
FOLDERS = {
    "_images/math/": "sphinx_image",
    "/images/math/": "wikipedia",
    "/media/math/render/": "wikipedia",
    "upload.wikimedia.org/math/": "wikipedia",
    "/filter/tex/": "image",
}
"""Name of the markup by a part of the address, under which only images of formulas lie."""
DELIMITED = ("$", "\\(", "\\[", "\\begin{", "{\\displaystyle", "[tex]")
SERVICE = re.compile("|".join(re.escape(part) for part, _, _ in SERVICES))
ADDRESSES = ("data-src", "data-lazy-src", "data-original")
SOURCES = ("data-formula", "data-tex", "data-latex", "data-equation")
PARAMETER_END = re.compile(r"&(?:amp;)?(?:bg|fg|s|c|cht|chs|chf|chco|bcolor|is|r|mode|preview|from)=")
ENTITIES = (("&space;", " "), ("&plus;", "+"), ("&hash;", "#"), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))


def formula_image(image: Any) -> tuple[str, str, bool] | None:
    """Markup, source and display mode of an image that shows a formula; None for any other.

    Args:
        image: an `<img>` element.
    """
    get = image.getattr
    address, alternative, classes = get("src") or "", get("alt") or "", image.class_name or ""
    if not (
        alternative or classes or "?" in address or "/svg/" in address or address.startswith("data:") or not address
    ):
        return None
    alternative = without_marks(alternative).strip()
    lazy = [get(name) or "" for name in ADDRESSES] if not address or address.startswith("data:") else []
    for one in (address, *lazy):
        if (part := SERVICE.search(one)) and (found := _drawn(without_marks(one), part[0], alternative)):
            return found
    names = classes.lower().split()
    source = next((value for name in SOURCES if (value := get(name))), alternative)
    markup = "zhihu" if get("eeimg") is not None else _told(names, address, source)
    if not source or not markup:
        return None
    return markup, source, not DISPLAYED.isdisjoint(names) or ends_line(markup, source)


def _told(names: list[str], address: str, source: str) -> str:
    """The markup that an image's classes, address or alternative text tell; empty for a picture."""
    by_class = next((WITH_ALTERNATIVE[name] for name in names if name in WITH_ALTERNATIVE), "")
    by_folder = by_class or next((markup for folder, markup in FOLDERS.items() if folder in address), "")
    return by_folder or ("image" if source.startswith(DELIMITED) and len(source) > 2 else "")


def ends_line(markup: str, source: str) -> bool:
    """Whether a source ends with a line break, which is how Zhihu's authors ask for a display."""
    return markup == "zhihu" and source.rstrip().endswith("\\\\")


def _drawn(address: str, part: str, alternative: str) -> tuple[str, str, bool] | None:
    """The formula in the address of a service that draws formulas, of which `part` tells which it is."""
    markup, before = next((markup, before) for known, markup, before in SERVICES if known == part)
    place = address.find(before, address.find(part))
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
    return (markup, source, ends_line(markup, source)) if source else None
