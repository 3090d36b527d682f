"""What is not a page's own text: menus, headers, footers, sidebars, banners, link lists.

Blocks are known by their element or by the whole words of their class and id names (`site-footer`, `topNav`), never
by parts of words. A block so named is kept where it is long and mostly not links, since some pages call their text
so; one named as a header is kept where it holds a heading. Of those that go, paragraphs of running text stay: pages
are laid out in many ways, and what is not read is not searched for benchmarks either. Paragraphs and lists of nothing
but links go by the share of their characters that links hold.
"""

import re
from typing import Any

from mathmill.corpus.extraction.marks import FORMULA, LINK, LINK_END


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


CLASSES = re.compile(rb"class=[\"']?([^\"'>]*)")
IDENTIFIERS = re.compile(rb"id=[\"']?([^\"'> ]*)")
PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
BLOCKS = _words(
    """
    nav navbar navigation menu menubar submenu mainmenu topmenu breadcrumb breadcrumbs crumbs footer colophon sidebar
    sidebars sidenav subnav topnav bottomnav navheader navfooter navlist navpath navset pagination pager cookie
    cookies cookieconsent gdpr sphinxsidebar toolbar printfooter catlinks docnav
    """
)
"""Words of class names that name a block to drop, wherever they stand in the name."""
NO_BLOCK = _words(
    """
    has with without no is for in on open opened closed show main content container wrapper wrap body page layout grid
    item items link links inner active fixed sticky offset collapsed expanded row col column left right side area text
    title toggle logo
    """
)
"""Words that make such a name one of something else: a layout, a state, a part."""
WHOLE = _words(
    """
    nav-links nav-list sidebar-wrapper sidebar-container footer-links footer-wrapper footer-container footer-content
    menu-container menu-wrapper left-sidebar right-sidebar sidebar-left sidebar-right page-footer page-navigation
    page-nav page-menu main-nav main-menu main-navigation content-footer content-nav side-nav side-bar nav-bar
    nav-wrapper nav-container nav-left nav-right navbar-left navbar-right top-bar topbar nav-path related
    related-posts jp-relatedposts related-pages related-articles recommended prev-next prev-next-area prevnext
    rst-footer-buttons rst-versions wy-nav-side wy-breadcrumbs wy-nav-top bd-sidebar bd-header bd-toc toc-drawer
    sidebar-drawer mobile-header mobile-nav spirit-nav navsettop navsetbottom widget-area widgets contentinfo
    complementary toc table-of-contents local-toc page-toc tocset tocview tocframe share sharing share-buttons social
    social-links social-icons social-share social-media sharedaddy addtoany addthis search searchbox search-box
    search-bar search-form searchform search-container search-results msearchresultswindow msearchselectwindow
    newsletter subscribe subscription advertisement adsbygoogle ad-container promo popup modal login login-form signin
    comment-form respond comment-respond reply-form skip skip-link skip-nav skiplink skipnav skip-to-content
    visually-hidden sr-only screen-reader-text screen-reader-only visuallyhidden assistive-text mw-editsection
    editsection mw-jump-link mw-navigation mw-panel mw-head sitesub contentsub jump-to-nav noprint back-to-top
    backtotop to-top copybtn copybutton linenos lineno linenodiv line-numbers-rows gutter hljs-ln-numbers
    viewcode-link viewcode-back ttc votecell post-menu user-info ltx_eqn_center_padleft ltx_eqn_center_padright
    ltx_eqn_left_padleft ltx_eqn_left_padright copyright copyright-footer langselect language-switcher lang-list
    """
)
"""Whole names of blocks to drop."""
HEADERS = _words(
    """
    header masthead banner page-header site-header main-header global-header header-wrapper header-container
    siteheader pageheader site-banner headerwrap titlearea
    """
)
IDS = (BLOCKS | WHOLE | HEADERS) - {"search"}
TEXT_ELEMENTS = _words("html body main article tr th h1 h2 h3 h4 h5 h6 p dt dd caption code em b i strong")
"""Elements that no name makes boilerplate."""
HEADER_ELEMENTS = _words("div header section table form")
LONG = 1_500
"""Characters of a named block from which it has to be mostly links."""
PROSE = 60
"""Bytes of UTF-8 from which a paragraph without links is running text; a Han character, which has three, says more."""
NOTICE = re.compile(
    r"(?i)©|copyright|rights reserved|licen[sc]ed|cookie|javascript|privacy|subscribe|newsletter|sign (?:in|up)|log ?in"
)
"""What the frame of a page says to its visitors."""
LINKS = re.compile(f"{LINK}[^{LINK}{LINK_END}\n]*{LINK_END}")
PERMALINK = re.compile(
    rf"{LINK}\s?(?:[¶#§🔗◆\uf0c1]|\[(?:source|edit|src)\]|edit|↩︎?|↑"
    rf"|(?:[Ss]kip|[Jj]ump) to [^{LINK_END}\n]{{1,30}})?\s?{LINK_END}"
)
"""A link to the place where it stands, or to its source, as they follow headings."""
SEPARATORS = " •\t|·-–—>»«:,0123456789.()[]"  # noqa: RUF001
LINE_RUN = 4
"""Consecutive lines of nothing but links that make a list of links."""
EARLY = 24
"""Characters within which the first link of a linked line begins."""
FEW = 0.2
"""Share of a link-dense paragraph's characters that are outside its links."""


def class_attributes(page: bytes) -> set[bytes]:
    """The different values of class attributes in a page."""
    return {*CLASSES.findall(page)}


def identifiers(page: bytes) -> frozenset[str]:
    """The ids in a page that name blocks to drop; they are compared whole, since most pages have ids of their own."""
    return IDS.intersection(b" ".join(IDENTIFIERS.findall(page)).decode("utf-8", "replace").split())


def role(name: str) -> str:
    """What a class or id name says of its block: `block` and `header` are boilerplate, the empty string is nothing."""
    lower = name.lower()
    if lower in HEADERS:
        return "header"
    if lower in WHOLE:
        return "block"
    words = {word.lower() for word in PARTS.findall(name)}
    return "block" if words & BLOCKS and not words & NO_BLOCK else ""


def is_boilerplate(block: Any, text: str, *, header: bool) -> bool:
    """Whether a block that is named as boilerplate is that: short or mostly links and, as a header, without heading.

    Args:
        block: the element.
        text: its text, links marked.
        header: whether it is named as a header.
    """
    tag = block.tag
    if tag in TEXT_ELEMENTS or (header and tag not in HEADER_ELEMENTS):
        return False
    if header and block.query_selector("h1,h2,h3,.title,article,main") is not None:
        return False
    return len(text) < LONG or len(LINKS.sub("", text)) < len(text) / 2


def may_hold_prose(text: str) -> bool:
    """Whether something in a block to drop is as long as running text without a link in it, or a formula."""
    least = PROSE if text.isascii() else PROSE // 3
    return FORMULA in text or any(len(part.strip()) >= least for part in text.replace(LINK, LINK_END).split(LINK_END))


def is_prose(paragraph: str) -> bool:
    """Whether the marked text of a paragraph in a block to drop is running text or holds a formula."""
    if LINK in paragraph or not (FORMULA in paragraph or len(paragraph.strip().encode()) >= PROSE):
        return False
    return NOTICE.search(paragraph) is None


def without_link_lists(text: str) -> str:
    """A page's marked text without paragraphs and lists of links, permalinks after headings and marks of links."""
    lines = PERMALINK.sub("", text).split("\n")
    linked = [place for place, line in enumerate(lines) if LINK in line[:EARLY] and _is_linked(line)]
    run: list[int] = []
    for place in [*linked, len(lines) + 2]:
        if run and any(lines[run[-1] + 1 : place]):
            _drop_list(lines, run)
            run = []
        run.append(place)
    _drop_list(lines, run[:-1])
    return "\n".join(lines).replace(LINK, "").replace(LINK_END, "")


def _is_linked(line: str) -> bool:
    """Whether a line is links and what separates them."""
    start, end = line.find(LINK), line.rfind(LINK_END)
    outside = line[:start] + line[end + 1 :] if line.count(LINK) == 1 and start < end else LINKS.sub("", line)
    return len(outside.strip(SEPARATORS)) <= FEW * len(line)


def _drop_list(lines: list[str], run: list[int]) -> None:
    """Blank the linked lines at the places of `run` if they make a list of links."""
    if len(run) >= LINE_RUN or any(lines[place].count(LINK) > 2 for place in run):
        for place in run:
            lines[place] = ""
