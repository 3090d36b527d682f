"""Elements that hold formulas: each is replaced by the mark of its formula.

Elements are visited from the last to the first, so that what stands inside one is done before it. A rendered formula's
element then holds the marks of the sources inside, and takes the first one; all other renderings go with it.
"""

import re
from typing import Any

from mathmill.corpus.extraction.images import ends_line, formula_image
from mathmill.corpus.extraction.marks import FORMULA, LINK, LINK_END, NUMBERED_FORMULA
from mathmill.corpus.extraction.mathml_tree import annotated
from mathmill.corpus.extraction.state import Page

RENDERED = frozenset(
    {"MathJax", "MathJax_Display", "MathJax_SVG", "MathJax_SVG_Display", "MathJax_CHTML", "mjx-chtml", "MJXc-display"}
    | {"MathJax_MathML", "mjx-full-width", "MathJax_Preview", "MathJax_Error"}
)
"""Classes that MathJax 2 gives to what it shows for a script."""
CONTAINERS = frozenset({"katex", "katex-display", "katex-mathml", "mwe-math-element"})
"""Classes of elements that show one formula, its source somewhere inside."""
RENDERERS = (("katex", "katex"), ("mwe-", "wikipedia"), ("MathJax", "mathjax"), ("mjx", "mathjax"))
"""Name of the markup by a part of the class of an element that shows one formula."""
WRITTEN = {
    "math-container": "math_container",
    "math": "math",
    "SimpleMath": "math",
    "displaymath": "math",
    "arithmatex": "math",
    "kdmath": "math",
    "language-math": "math",
    "math-inline": "math",
    "math-display": "math",
    "math-block": "math",
    "wp-katex-eq": "wp_katex",
    "katex-eq": "wp_katex",
    "katex-error": "katex",
    "texerror": "wikipedia",
    "ztext-math": "zhihu",
    "tex": "tex",
}
"""Name of the markup by the class of an element whose text or attribute is a formula's source."""
SOURCES = ("data-expr", "data-tex", "data-latex", "data-formula", "data-math")
DISPLAYS = frozenset({"display", "displaymath", "katex-display", "math-display", "math-block", "kdmath"})
DISPLAY_ATTRIBUTES = (("data-display", "true"), ("data-katex-display", "true"), ("data-math-style", "display"))
EQUATION_NUMBER = re.compile(rf"\s*(\([^()\s]{{1,12}}\)){LINK}[¶#]{LINK_END}\s*")
"""The number that Sphinx writes before an equation, with a link to it."""
LONGEST = 10_000
"""Characters of a formula, or of its rendering."""


def script(page: Page, element: Any) -> None:
    """Read a script: a formula, or the page's configuration."""
    kind = (element.getattr("type") or "").lower()
    source = element.text or ""
    display = "mode=display" in kind.replace(" ", "")
    page.has_math_scripts |= kind.startswith("math/")
    if kind.startswith("math/tex"):
        # The content of scripts has no character references, yet editors write them.
        source = source.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") if "&" in source else source
        element.outer_text = page.formulas.mark("mathjax_script", source, display=display)
    elif kind.startswith("math/asciimath"):
        element.outer_text = page.formulas.mark_asciimath(source, display=display)
    elif kind.startswith("math/mml"):
        element.outer_text = page.formulas.mark_mathml(source, display=display or 'display="block"' in source)
    else:
        page.configuration.read_address(element.getattr("src") or "")
        page.configuration.read_script(source)
        element.remove()


def math(page: Page, element: Any) -> None:
    """Read MathML: its annotation, `alttext`, plain text or elements, whichever it has first."""
    markup = element.outer_html
    page.read += len(markup)
    display = element.getattr("display") == "block" or element.getattr("mode") == "display"
    alternative = (element.getattr("alttext") or "").strip()
    if source := annotated(markup) or alternative:
        by_latexml = "ltx_" in (element.class_name or "") or alternative
        by_wikipedia = source.startswith(("{\\displaystyle", "{\\textstyle"))
        name = "wikipedia" if by_wikipedia else "latexml" if by_latexml else "mathml"
        element.outer_text = page.formulas.mark(name, source, display=display)
    elif element.child_element_count == 0:
        element.outer_text = page.formulas.mark("mathml", element.text or "", display=display)
    else:
        element.outer_text = page.formulas.mark_mathml(markup, display=display)


def image(page: Page, element: Any) -> None:
    """Read an image of a formula."""
    if formula := formula_image(element):
        markup, source, display = formula
        element.outer_text = page.formulas.mark(markup, source, display=display)


def rendered(page: Page, element: Any) -> None:
    """Drop what MathJax 2 shows beside a script; where there is no script, take the formula from it."""
    if page.has_math_scripts and len(page.text_of(element)) <= LONGEST:
        element.remove()
    elif markup := element.getattr("data-mathml"):
        element.outer_text = page.formulas.mark_mathml(markup, display='display="block"' in markup)
    else:
        container(page, element)


def container(page: Page, element: Any) -> None:
    """Take the first formula inside an element that shows one, and drop the rest."""
    text = page.text_of(element)
    found = NUMBERED_FORMULA.search(text)
    formula = page.formulas.numbered(found[1]) if found else None
    if not found or not formula or len(text) > LONGEST:
        page.keep(element)
        return
    classes = element.class_name or ""
    formula.markup = next((markup for part, markup in RENDERERS if part in classes), formula.markup)
    formula.display |= element.getattr("display") == "true" or "-display" in classes or "-block" in classes
    element.outer_text = found[0]


def mathjax_container(page: Page, element: Any) -> None:
    """Read what MathJax 3 and 4 show: by the MathML inside it, or by its source in an attribute."""
    source = element.getattr("data-latex")
    if source and FORMULA not in page.text_of(element):
        element.outer_text = page.formulas.mark("mathjax", source, display=element.getattr("display") == "true")
    else:
        container(page, element)


def written(page: Page, element: Any, markup: str) -> None:
    """Read an element whose attribute or text is a formula's source.

    Args:
        page: collects the formula.
        element: the element.
        markup: name that the formula is counted under.
    """
    source = next((value for name in SOURCES if (value := element.getattr(name))), "")
    text = page.text_of(element)
    display = is_display(element)
    if FORMULA in text:
        element.outer_text = f" {text.strip()} " if display else text
        for number in NUMBERED_FORMULA.findall(text) if display else ():
            if formula := page.formulas.numbered(number):
                formula.display = True
        return
    before = ""
    if not source:
        source = text.strip().removeprefix("{").removesuffix("}") if markup == "wikipedia" else text
        if numbered := EQUATION_NUMBER.match(source):
            before, source = f"{numbered[1]} ", source[numbered.end() :]
    is_rendering = (element.id or "").startswith("MathJax")
    if is_rendering or len(source) > LONGEST or not any(map(str.isalnum, source)):
        page.keep(element)
        return
    mark = page.formulas.mark(markup, source, display=display or ends_line(markup, source))
    element.outer_text = f" {before}{mark} " if display else mark


def is_display(element: Any) -> bool:
    """Whether an element that holds a formula's source shows it on a line of its own."""
    classes = (element.class_name or "").split()
    return (
        not DISPLAYS.isdisjoint(classes)
        or any(element.getattr(name) == value for name, value in DISPLAY_ATTRIBUTES)
        or element.hasattr("block")
        or (element.tag == "div" and "math" in classes)
    )


def asciimath_element(page: Page, element: Any) -> None:
    """Read `<mathjax>`, whose text is AsciiMath between number signs."""
    element.outer_text = page.formulas.mark_asciimath(page.text_of(element).strip().strip("#"))
