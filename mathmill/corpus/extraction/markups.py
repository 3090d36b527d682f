"""The one pass over a parsed page: formulas become marks, boilerplate goes, code is set aside.

Elements are visited from the last to the first, so that what stands inside an element is done before it: a rendered
formula's element then holds the mark of the source that stood in it, and takes the first one, which drops every second
rendering. Each element that is read is replaced by something short or flattened, which keeps the pass linear.
"""

import re
from collections.abc import Callable
from typing import Any

from mathmill.corpus.extraction import boilerplate
from mathmill.corpus.extraction.configuration import Configuration
from mathmill.corpus.extraction.formulas import Formulas
from mathmill.corpus.extraction.images import formula_image
from mathmill.corpus.extraction.marks import BLOCK, BLOCK_END, FORMULA, NUMBERED_FORMULA, without_marks
from mathmill.corpus.extraction.mathml import annotated
from mathmill.corpus.extraction.scripts import replace_script

RENDERED = frozenset(
    ["mathjax", "mathjax_display", "mathjax_svg", "mathjax_svg_display", "mathjax_chtml", "mjx-chtml", "mjxc-display", "mathjax_mathml", "mjx-full-width", "mathjax_sved", "mathjax_preview", "mathjax_error"]
)
"""Classes that MathJax 2 gives to what it shows for a script."""
CONTAINERS = frozenset(["katex", "katex-display", "katex-mathml", "mwe-math-element", "mjx-assistive-mml"])
"""Classes of elements that show one formula, its source somewhere inside."""
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
DROPPED = frozenset(
    ["style", "noscript", "template", "svg", "canvas", "audio", "video", "object", "iframe", "applet", "nav", "footer", "aside", "dialog"]
)
KEPT_ASIDES = frozenset(["topic", "footnote", "footnote-list", "admonition", "note", "warning", "tip", "sidenote", "marginnote", "citation"])
TAGS = (
    "script,math,mml\\:math,m\\:math,img,sup,sub,pre,mjx-container,mjx-assistive-mml,d-math,math-renderer,mathjax,tex,header,"
    + ",".join(sorted(DROPPED))
    + ",[hidden],[style*='display:none'],[style*='display: none'],td>p:only-child,th>p:only-child,td>div:only-child"
)
ATTRIBUTES = ((b"data-expr", "[data-expr]"), (b"data-tex", "[data-tex]"), (b"data-latex", "[data-latex]"))
IDENTIFIER = re.compile(r"[A-Za-z_][\w-]*")
CELL = 400
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

    def rewrite(self) -> None:
        """Turn every formula that an element holds into a mark and drop what is not text."""
        names = boilerplate.names(self.source)
        roles = {name: role for name in names if (role := _role(name))}
        nodes = self.tree.document.query_selector_all(_selector(self.source, roles)).values()
        scripts = [node for node in nodes if node.tag == "script"]
        for script in scripts:
            self._script(script)
        for node in reversed(nodes):
            if self.work < 0:
                break
            if handle := _BY_TAG.get(node.tag or ""):
                handle(self, node)
            else:
                self._by_name(node, roles)

    def take_text(self, node: Any) -> str:
        """An element's text, charged to the page's account of work."""
        text = node.text or ""
        self.work -= len(text)
        return text

    def _by_name(self, node: Any, roles: dict[str, str]) -> None:
        """Do what the class, id or role of an element asks for."""
        classes = f"{node.class_name or ''} {node.id or ''} {node.getattr('role') or ''}".split()
        for name in classes:
            if role := roles.get(name):
                if role == "rendered":
                    self._rendered(node)
                elif role == "container":
                    self._container(node)
                elif role == "written":
                    self._written(node, WRITTEN[name.lower()])
                else:
                    self._boilerplate(node, header=role == "header")
                return
        if node.hasattr("hidden") or "none" in (node.getattr("style") or ""):
            self._hidden(node)
        elif any(node.hasattr(name) for name in SOURCES):
            self._written(node, "tex")
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
        for line_break in node.query_selector_all("br").values() if "<br" in node.inner_html else ():
            line_break.outer_text = "\n"
        text = self.take_text(node)
        if text.strip():
            self.blocks.append(text)
            node.text = f"{BLOCK}{len(self.blocks) - 1}{BLOCK_END}"

    def _rendered(self, node: Any) -> None:
        """Drop what MathJax 2 shows beside a script; where there is no script, take the formula from it."""
        if self.has_math_scripts:
            node.remove()
        elif markup := node.getattr("data-mathml"):
            node.outer_text = self.formulas.mark_mathml(markup, display=False)
        else:
            self._container(node)

    def _container(self, node: Any) -> None:
        """Take the first formula inside an element that shows one, and drop the rest."""
        text = self.take_text(node)
        if not (found := NUMBERED_FORMULA.search(text)):
            node.text = text
            return
        number = int(found[1])
        classes = node.class_name or ""
        if number < len(self.formulas.found) and (
            node.getattr("display") in {"true", "block"} or "katex-display" in classes or "-block" in classes
        ):
            self.formulas.found[number].display = True
        node.outer_text = found[0]

    def _assistive(self, node: Any) -> None:
        self._container(node)

    def _mjx(self, node: Any) -> None:
        if (source := node.getattr("data-latex")) and FORMULA not in (node.text or ""):
            node.outer_text = self.formulas.mark("mathjax3", source, display=node.getattr("display") == "true")
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
            if display:
                for number in NUMBERED_FORMULA.findall(text):
                    self.formulas.found[int(number)].display = True
            return
        source = attribute or text
        if markup == "wikipedia":
            source = source.strip().removeprefix("{").removesuffix("}")
        if (
            (node.id or "").startswith("MathJax")
            or not any(map(str.isalnum, source))
            or not _is_source(source, attribute)
        ):
            return
        node.outer_text = (
            f" {self.formulas.mark(markup, source, display=display)} "
            if display
            else self.formulas.mark(markup, source, display=display)
        )

    def _mathjax(self, node: Any) -> None:
        """Read `<mathjax>`, whose text is AsciiMath between number signs."""
        source = self.take_text(node).strip().strip("#")
        node.outer_text = self.formulas.mark_asciimath(source)

    def _boilerplate(self, node: Any, *, header: bool) -> None:
        self.work -= len(node.text or "")
        if boilerplate.is_boilerplate(node, header=header):
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

    def _cell(self, node: Any) -> None:
        """Write a table cell's only paragraph on the row's line."""
        text = self.take_text(node)
        if len(text) <= CELL and node.query_selector("p,div,ul,ol,pre,table,dl") is None:
            node.outer_html = node.inner_html


def _is_source(source: str, attribute: str | None) -> bool:
    return attribute is not None or len(source) <= 5_000


def _annotated_by(node: Any, source: str) -> str:
    """The markup of MathML that holds its source, by who writes it so."""
    if "displaystyle" in source[:20] and source.startswith("{"):
        return "wikipedia"
    return "latexml" if "ltx_" in (node.class_name or "") or node.getattr("alttext") else "mathml"


def _role(name: str) -> str:
    lower = name.lower()
    if lower in RENDERED:
        return "rendered"
    if lower in CONTAINERS:
        return "container"
    if lower in WRITTEN:
        return "written"
    return boilerplate.role(name)


def _selector(source: bytes, roles: dict[str, str]) -> str:
    named = [f".{name},#{name},[role={name}]" for name in roles if IDENTIFIER.fullmatch(name)]
    attributes = [selector for attribute, selector in ATTRIBUTES if attribute in source]
    return ",".join((TAGS, *named, *attributes))


_BY_TAG: dict[str, Callable[[Page, Any], None]] = {
    "math": Page._math,
    "mml:math": Page._math,
    "m:math": Page._math,
    "img": Page._image,
    "sup": Page._superscript,
    "sub": Page._subscript,
    "pre": Page._code,
    "mjx-container": Page._mjx,
    "mjx-assistive-mml": Page._container,
    "mathjax": Page._mathjax,
    "header": Page._header,
    "script": lambda page, node: None,
} | dict.fromkeys(DROPPED, Page._block)
