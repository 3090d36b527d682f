"""What is not a page's own text: menus, headers, footers, sidebars, banners, link lists.

Blocks are known by their element or by the whole words of their class and id names (`site-footer`, `topNav`), never by
parts of words. A block so named is kept where it is long and mostly not links, since some pages call their text so; one
named as a header is kept where it holds a heading. Paragraphs and lists of nothing but links go by the share of
their characters that links hold.
"""

import re
from functools import lru_cache
from typing import Any

from mathmill.corpus.extraction.marks import LINK, LINK_END

NAMES = re.compile(rb"(?:class|id|role)=[\"']?([^\"'>]*)")
PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
BLOCKS = frozenset(
    ["nav", "navbar", "navigation", "menu", "menubar", "submenu", "mainmenu", "topmenu", "breadcrumb", "breadcrumbs", "crumbs", "footer", "colophon", "sidebar", "sidenav", "sidebars", "subnav", "topnav", "bottomnav", "navheader", "navfooter", "navlist", "navpath", "navset", "pagination", "pager", "cookie", "cookies", "cookieconsent", "gdpr", "sphinxsidebar", "toolbar", "printfooter", "catlinks", "docnav"]
)
"""Words of class names that name a block to drop, wherever they stand in the name."""
NO_BLOCK = frozenset(
    ["has", "with", "without", "no", "is", "for", "in", "on", "open", "opened", "closed", "show", "main", "content", "container", "wrapper", "wrap", "body", "page", "layout", "grid", "item", "items", "link", "links", "inner", "active", "fixed", "sticky", "offset", "collapsed", "expanded", "row", "col", "column", "left", "right", "side", "area", "text", "title", "toggle", "logo"]
)
"""Words that make such a name one of something else: a layout, a state, a part."""
WHOLE = frozenset(
    ["nav-item", "navelem", "nav-links", "nav-list", "nav-link-container", "sidebar-wrapper", "sidebar-container", "footer-links", "footer-wrapper", "footer-container", "footer-content", "menu-container", "menu-wrapper", "left-sidebar", "right-sidebar", "sidebar-left", "sidebar-right", "page-footer", "page-navigation", "page-nav", "page-menu", "main-nav", "main-menu", "main-navigation", "content-footer", "content-nav", "side-nav", "side-bar", "nav-bar", "nav-wrapper", "nav-container", "nav-left", "nav-right", "navbar-left", "navbar-right", "related", "related-posts", "jp-relatedposts", "related-pages", "related-articles", "recommended", "prev-next", "prev-next-area", "prevnext", "rst-footer-buttons", "rst-versions", "wy-nav-side", "wy-breadcrumbs", "wy-nav-top", "bd-sidebar", "bd-header", "bd-toc", "toc-drawer", "sidebar-drawer", "mobile-header", "mobile-nav", "toc", "table-of-contents", "local-toc", "page-toc", "tocset", "tocview", "navsettop", "navsetbottom", "tocframe", "share", "sharing", "share-buttons", "social", "social-links", "social-icons", "social-share", "social-media", "sharedaddy", "addtoany", "addthis", "search", "searchbox", "search-box", "search-bar", "search-form", "searchform", "search-container", "newsletter", "subscribe", "subscription", "advertisement", "adsbygoogle", "ad-container", "promo", "popup", "modal", "login", "login-form", "signin", "comment-form", "respond", "comment-respond", "reply-form", "skip", "skip-link", "skip-nav", "skiplink", "skipnav", "skip-to-content", "visually-hidden", "sr-only", "screen-reader-text", "screen-reader-only", "visuallyhidden", "assistive-text", "mw-editsection", "editsection", "mw-jump-link", "mw-navigation", "mw-panel", "mw-head", "sitesub", "contentsub", "jump-to-nav", "noprint", "back-to-top", "backtotop", "to-top", "copybtn", "copybutton", "clipboard", "linenos", "lineno", "linenodiv", "line-numbers-rows", "gutter", "hljs-ln-numbers", "viewcode-link", "viewcode-back", "copyright", "copyright-footer", "legal", "disclaimer-footer", "spirit-nav", "widget-area", "widgets", "langselect", "language-switcher", "lang-list", "interlanguage", "contentinfo", "complementary", "search-results", "msearchresultswindow", "msearchselectwindow", "nav-path", "top-bar", "topbar"]
)
"""Whole names of blocks to drop."""
HEADERS = frozenset(
    ["header", "masthead", "banner", "page-header", "site-header", "main-header", "global-header", "header-wrapper", "header-container", "siteheader", "pageheader", "site-banner", "headerwrap", "titlearea"]
)
LONG = 1_500
"""Characters of a named block from which it has to be mostly links."""
LINKS = re.compile(f"{LINK}[^{LINK}{LINK_END}\n]*{LINK_END}")
PERMALINK = re.compile(rf" ?{LINK}(?:[¶#§🔗\uf0c1]|\[(?:source|edit|src)\]|edit)?{LINK_END}")
LINE_RUN = 4
"""Consecutive lines of nothing but links that make a list of links."""
FEW = 0.2
"""Share of a link-dense paragraph's characters that are outside its links."""


def names(page: bytes) -> list[str]:
    """The class, id and role names that stand in a page, each once."""
    return b" ".join({*NAMES.findall(page)}).decode("utf-8", "replace").split()


@lru_cache(100_000)
def role(name: str) -> str:
    """What a class or id name says of its block: `block` and `header` are boilerplate, the empty string is nothing."""
    lower = name.lower()
    if lower in HEADERS:
        return "header"
    if lower in WHOLE:
        return "block"
    words = {word.lower() for word in PARTS.findall(name)}
    return "block" if words & BLOCKS and not words & NO_BLOCK else ""


def is_boilerplate(block: Any, *, header: bool) -> bool:
    """Whether a block that is named as boilerplate is that: short or mostly links and, as a header, without heading."""
    if header and block.query_selector("h1,h2,article,main") is not None:
        return False
    text = block.text or ""
    return len(text) < LONG or link_share(text) > 0.5


def link_share(text: str) -> float:
    """The share of a marked text's characters that stand in links."""
    return 1 - len(LINKS.sub("", text)) / max(1, len(text))


def without_link_lists(text: str) -> str:
    """A page's marked text without paragraphs of links, runs of linked lines, and permalinks after headings."""
    if LINK not in text:
        return text
    text = PERMALINK.sub("", text)
    lines = text.split("\n")
    rest = LINKS.sub("", text).split("\n")
    kept: list[str] = []
    run: list[str] = []
    for line, outside in zip(lines, rest, strict=True):
        links = line.count(LINK)
        if not links and line:
            kept += _unless_long(run)
            run = []
            kept.append(line)
        elif not line or _is_linked(line, outside, links):
            run.append(line)
        else:
            kept += _unless_long(run)
            run = []
            kept.append(line)
    return "\n".join(kept + _unless_long(run))


def _is_linked(line: str, outside: str, links: int) -> bool:
    return len(outside.strip(" •\t|·-–—>»«:,0123456789.()[]")) <= FEW * len(line)


def _unless_long(run: list[str]) -> list[str]:
    """Lines of links and blank lines between them, unless they make a list of links."""
    linked = [line for line in run if line]
    if len(linked) >= LINE_RUN or any(line.count(LINK) > 2 for line in linked):
        return [""]
    return run
