"""The one pass over a parsed page: formulas become marks, boilerplate goes, code is set aside.

Elements are visited from the last to the first, so that what stands inside an element is done before it: a rendered
formula's element then holds the mark of the source that stood in it, and takes the first one, which drops every second
rendering. Each element that is read is replaced by something short or flattened, which keeps the pass linear.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from mathmill.corpus.extraction import boilerplate
from mathmill.corpus.extraction.configuration import Configuration
from mathmill.corpus.extraction.formulas import Formulas
from mathmill.corpus.extraction.images import ends_line, formula_image
from mathmill.corpus.extraction.marks import (
    BLOCK,
    BLOCK_END,
    FORMULA,
    LINK,
    LINK_END,
    NUMBERED_FORMULA,
    without_marks,
)
from mathmill.corpus.extraction.mathml import annotated
from mathmill.corpus.extraction.scripts import replace_script

RENDERED = frozenset(
    {"mathjax", "mathjax_display", "mathjax_svg", "mathjax_svg_display", "mathjax_chtml", "mjx-chtml", "mjxc-display"}
    | {"mathjax_mathml", "mjx-full-width", "mathjax_preview", "mathjax_error"}
)
"""Classes that MathJax 2 gives to what it shows for a script."""
CONTAINERS = frozenset(["katex", "katex-display", "katex-mathml", "mwe-math-element", "mjx-assistive-mml"])
"""Classes of elements that show one formula, its source somewhere inside."""
RENDERERS = (("katex", "katex"), ("mwe-", "wikipedia"), ("mathjax", "mathjax"), ("mjx", "mathjax"))
"""Name of the markup by a part of the class of an element that shows one formula."""
WRITTEN = {
    "math-container": "math_container",
    "math": "math",
    "simplemath": "math",
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
    "d-math": "tex",
    "math-renderer": "tex",
}
"""Name of the markup by the class, or the element, whose text or attribute is the formula's source."""
SOURCES = ("data-expr", "data-tex", "data-latex", "data-formula", "data-math")
DISPLAYS = frozenset(["display", "displaymath", "katex-display", "math-display", "math-block", "kdmath"])
NAMED = frozenset({"nav", "footer", "aside", "dialog"})
"""Elements that are boilerplate by their name."""
KEPT_ASIDES = frozenset(
    ["topic", "footnote", "footnote-list", "admonition", "note", "warning", "tip", "sidenote", "marginnote", "citation"]
)
SELECTORS = (
    "script,img,sup,sub,pre,label,header,nav,footer,aside,dialog,[hidden],[style*=none],[role=navigation]"
    ",td>p:only-child,th>p:only-child,td>div:only-child"
)
MATH_TAG = re.compile(rb"math(?:jax)?>")
MATH_TAGS = "math,mml\\:math,m\\:math,d-math,mathjax"
"""Further elements, for pages in which one of them ends."""
BLOCK_TAG = re.compile(r"<(?:p|div|ul|ol|pre|table|dl)\b")
IDENTIFIER = re.compile(r"[A-Za-z_][\w-]*")
EQUATION_NUMBER = re.compile(rf"\s*(\([^()\s]{{1,12}}\)){LINK}[¶#]{LINK_END}\s*")
"""The number that Sphinx writes before an equation, with a link to it."""
LONGEST = 10_000
"""Characters of a formula."""
HIDING = re.compile(r"display\s*:\s*none")
CELL = 800
"""Characters up to which a table cell's only paragraph is written on the row's line."""
WORK = 20
"""Characters read from elements, for each byte of the page, after which the rest of a page is left as it is."""


class Page:
    """A parsed page while it is rewritten."""

    def __init__(self, tree: Any, source: bytes) -> None:
        self.tree = tree
        self.source = source
        self.formulas = Formulas()
        self.configuration = Configuration()
        self.blocks: list[str] = []
        self.work = WORK * len(source) + 100_000
        self.has_math_scripts = False
        self.has_breaks = b"<br" in source

    def rewrite(self) -> None:
        """Turn every formula that an element holds into a mark and drop what is not text."""
        nodes = self.tree.document.query_selector_all(_selector(self.source)).values()
        scripts = [node for node in nodes if node.tag == "script"]
        for script in scripts:
            self._script(script)
        for node in reversed(nodes):
            if self.work < 0:
                break
            if handle := _BY_TAG.get(node.tag or ""):
                handle(self, node)
            else:
                self._by_name(node)

    def take_text(self, node: Any) -> str:
        """An element's text, charged to the page's account of work."""
        text = node.text or ""
        self.work -= len(text)
        return text

    def _by_name(self, node: Any) -> None:
        """Do what the class, id or role of an element asks for."""
        classes, identifier, landmark = node.class_name, node.id, node.getattr("role")
        names = [*(classes.split() if classes else ()), landmark or ""]
        if identifier and not _is_section(node, names):
            names.append(identifier)
        for name in names:
            if role := _role(name):
                if role == "rendered":
                    self._rendered(node)
                elif role == "container":
                    self._container(node)
                elif role == "code":
                    self._code(node)
                elif role == "written":
                    self._written(node, WRITTEN[name.lower()])
                else:
                    self._boilerplate(node, header=role == "header")
                return
        if node.hasattr("hidden") or HIDING.search(node.getattr("style") or ""):
            self._hidden(node)
        elif node.tag in {"p", "div"}:
            self._cell(node)

    def _script(self, script: Any) -> None:
        """Read a script: a formula, or the page's configuration."""
        kind = (script.getattr("type") or "").lower()
        source = script.text or ""
        if not kind.startswith("math/"):
            self.configuration.read_address(script.getattr("src") or "")
            self.configuration.read_script(source)
            script.remove()
            return
        self.has_math_scripts = True
        display = "mode=display" in kind.replace(" ", "")
        if "&" in source and kind.startswith("math/tex"):
            source = source.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        if kind.startswith("math/tex"):
            mark = self.formulas.mark("mathjax_script", source, display=display)
        elif kind.startswith("math/asciimath"):
            mark = self.formulas.mark_asciimath(source, display=display)
        elif kind.startswith("math/mml"):
            mark = self.formulas.mark_mathml(source, display=display or 'display="block"' in source)
        else:
            script.remove()
            return
        script.outer_text = mark

    def _math(self, node: Any) -> None:
        """Read MathML, by its annotation, `alttext` or elements."""
        markup = node.outer_html
        self.work -= len(markup)
        display = node.getattr("display") == "block" or node.getattr("mode") == "display"
        alternative = node.getattr("alttext")
        if node.child_element_count == 0 and (text := (node.text or "").strip()):
            mark = self.formulas.mark("mathml", text, display=display)
        elif source := annotated(markup):
            mark = self.formulas.mark(_annotated_by(node, source), source, display=display)
        elif alternative and alternative.strip():
            mark = self.formulas.mark(_annotated_by(node, alternative), alternative, display=display)
        else:
            mark = self.formulas.mark_mathml(markup, display=display)
        node.outer_text = mark

    def _image(self, node: Any) -> None:
        if formula := formula_image(node):
            markup, source, display = formula
            node.outer_text = self.formulas.mark(markup, source, display=display)

    def _superscript(self, node: Any) -> None:
        replace_script(node, raised=True)

    def _subscript(self, node: Any) -> None:
        replace_script(node, raised=False)

    def _code(self, node: Any) -> None:
        """Set a preformatted block aside, so that nothing touches its lines."""
        if "math" in (node.class_name or "").split():
            self._written(node, "math")
            return
        for line_break in node.query_selector_all("br").values() if self.has_breaks else ():
            line_break.outer_text = "\n"
        text = self.take_text(node)
        if not text.strip():
            # The plain text after an empty block would keep its white space as if it stood in one.
            node.remove()
            return
        self.blocks.append(text)
        node.text = f"{BLOCK}{len(self.blocks) - 1}{BLOCK_END}"

    def _rendered(self, node: Any) -> None:
        """Drop what MathJax 2 shows beside a script; where there is no script, take the formula from it."""
        if self.has_math_scripts:
            node.remove()
        elif markup := node.getattr("data-mathml"):
            node.outer_text = self.formulas.mark_mathml(markup, display='display="block"' in markup)
        else:
            self._container(node)

    def _container(self, node: Any) -> None:
        """Take the first formula inside an element that shows one, and drop the rest."""
        text = self.take_text(node)
        if not (found := NUMBERED_FORMULA.search(text)):
            node.text = text
            return
        formula = self.formulas.found[int(found[1])]
        classes = (node.class_name or "").lower()
        formula.markup = next((markup for part, markup in RENDERERS if part in classes), formula.markup)
        formula.display |= node.getattr("display") == "true" or "-display" in classes or "-block" in classes
        node.outer_text = found[0]

    def _assistive(self, node: Any) -> None:
        self._container(node)

    def _mjx(self, node: Any) -> None:
        if (source := node.getattr("data-latex")) and FORMULA not in (node.text or ""):
            node.outer_text = self.formulas.mark("mathjax", source, display=node.getattr("display") == "true")
            return
        self._container(node)

    def _written(self, node: Any, markup: str) -> None:
        """Read an element whose text, or attribute, is a formula's source."""
        classes = (node.class_name or "").lower().split()
        attribute = next((value for name in SOURCES if (value := node.getattr(name))), None)
        text = self.take_text(node)
        display = (
            not DISPLAYS.isdisjoint(classes)
            or node.getattr("data-display") == "true"
            or node.getattr("data-katex-display") == "true"
            or node.getattr("data-math-style") == "display"
            or node.hasattr("block")
            or (markup == "math" and node.tag == "div")
        )
        if FORMULA in text:
            for number in NUMBERED_FORMULA.findall(text) if display else ():
                self.formulas.found[int(number)].display = True
            return
        source = attribute or text
        if markup == "wikipedia":
            source = source.strip().removeprefix("{").removesuffix("}")
        before = ""
        if attribute is None and (numbered := EQUATION_NUMBER.match(source)):
            before, source = f"{numbered[1]} ", source[numbered.end() :]
        if (node.id or "").startswith("MathJax") or not any(map(str.isalnum, source)) or len(source) > LONGEST:
            return
        mark = self.formulas.mark(markup, source, display=display or ends_line(markup, source))
        node.outer_text = f" {before}{mark} " if display else mark

    def _mathjax(self, node: Any) -> None:
        """Read `<mathjax>`, whose text is AsciiMath between number signs."""
        source = self.take_text(node).strip().strip("#")
        node.outer_text = self.formulas.mark_asciimath(source)

    def _boilerplate(self, node: Any, *, header: bool) -> None:
        if boilerplate.is_boilerplate(node, self.take_text(node), header=header):
            node.remove()

    def _block(self, node: Any) -> None:
        """Drop an element that is boilerplate by its name."""
        if node.tag == "aside" and not KEPT_ASIDES.isdisjoint((node.class_name or "").split()):
            return
        if node.tag in {"nav", "footer", "aside", "header"}:
            self._boilerplate(node, header=node.tag == "header")
        else:
            node.remove()

    def _header(self, node: Any) -> None:
        if node.closest("article,main,section") is None:
            self._boilerplate(node, header=True)

    def _hidden(self, node: Any) -> None:
        """Drop a hidden element, unless all that it hides is a formula."""
        text = self.take_text(node)
        if found := NUMBERED_FORMULA.findall(text):
            rest = NUMBERED_FORMULA.sub("", text)
            if not without_marks(rest).strip() and len(found) == 1:
                node.outer_text = text
                return
        node.remove()

    def _label(self, node: Any) -> None:
        """Keep a form's label, which the plain text leaves out, where it holds a formula: it is an answer to choose."""
        text = self.take_text(node)
        if FORMULA in text or "$" in text or "\\(" in text:
            node.outer_text = text

    def _cell(self, node: Any) -> None:
        """Write a table cell's only paragraph on the row's line."""
        markup = node.inner_html
        self.work -= len(markup)
        if len(markup) <= CELL and not BLOCK_TAG.search(markup):
            node.outer_html = markup


def _annotated_by(node: Any, source: str) -> str:
    """The markup of MathML that holds its source, by who writes it so."""
    if "displaystyle" in source[:20] and source.startswith("{"):
        return "wikipedia"
    return "latexml" if "ltx_" in (node.class_name or "") or node.getattr("alttext") else "mathml"


def _is_section(node: Any, classes: list[str]) -> bool:
    """Whether an element is a part of the text, whose id is a word of its heading."""
    return node.tag == "section" or any(name.startswith("sect") for name in classes)


@lru_cache(100_000)
def _role(name: str) -> str:
    lower = name.lower()
    if lower in RENDERED:
        return "rendered"
    if lower in CONTAINERS:
        return "container"
    if lower in WRITTEN:
        return "written"
    if lower == "fragment":
        return "code"
    return boilerplate.role(name)


@lru_cache(100_000)
def _class_selectors(attribute: bytes) -> tuple[str, ...]:
    """Selectors for the names in a class attribute that have a role."""
    names = attribute.decode("utf-8", "replace").split()
    return tuple(f".{name}" for name in names if _role(name) and IDENTIFIER.fullmatch(name))


def _selector(source: bytes) -> str:
    """Selector for all elements of a page that something has to be done with."""
    attributes = boilerplate.class_attributes(source)
    classes = {selector for attribute in attributes for selector in _class_selectors(attribute)}
    identifiers = (f"#{name}" for name in boilerplate.identifiers(source))
    return ",".join((SELECTORS, *classes, *identifiers, *([MATH_TAGS] if MATH_TAG.search(source) else [])))


_BY_TAG: dict[str, Callable[[Page, Any], None]] = {
    "math": Page._math,
    "mml:math": Page._math,
    "m:math": Page._math,
    "img": Page._image,
    "sup": Page._superscript,
    "sub": Page._subscript,
    "pre": Page._code,
    "mjx-container": Page._mjx,
    "mathjax": Page._mathjax,
    "d-math": lambda page, node: page._written(node, "tex"),
    "label": Page._label,
    "header": Page._header,
    "script": lambda page, node: None,
} | dict.fromkeys(NAMED, Page._block)
