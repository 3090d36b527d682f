"""Presentation MathML to LaTeX.

Covers the elements of MathML 3 presentation markup that pages use. Where the page gives the formula's TeX source
itself, as an annotation or in `alttext`, that is taken instead. Source of the element meanings: W3C, MathML 3.0,
chapter 3.
"""

import re
from collections.abc import Callable, Sequence

from mathmill.corpus.extraction.latex import SINGLE, grouped, joined
from mathmill.corpus.extraction.mathml_tree import Element, parsed
from mathmill.corpus.extraction.symbols import ACCENTS, ARROWS, FUNCTIONS, LARGE, LIMITS, symbol

SKIPPED = frozenset({"annotation", "annotation-xml", "mprescripts", "none", "maligngroup", "mlabel"})
STYLES = {
    "bold": "mathbf",
    "double-struck": "mathbb",
    "script": "mathcal",
    "bold-script": "mathcal",
    "fraktur": "mathfrak",
    "bold-fraktur": "mathfrak",
    "sans-serif": "mathsf",
    "monospace": "mathtt",
    "bold-italic": "boldsymbol",
}
"""Command by `mathvariant`."""
MATRICES = {"(": ("pmatrix", ")"), "[": ("bmatrix", "]"), "|": ("vmatrix", "|"), r"\|": ("Vmatrix", r"\|")}
"""Environment by opening fence, and the fence that has to close it."""
FENCES = {"(": ")", "[": "]", r"\{": r"\}", "|": "|", r"\|": r"\|", r"\langle": r"\rangle"} | {
    r"\lfloor": r"\rfloor",
    r"\lceil": r"\rceil",
}
TALL = re.compile(r"\\(?:frac|binom|sum|prod|int|begin|overset|underset|underbrace|overbrace)\b")
STRIKES = {
    "updiagonalstrike": "cancel",
    "downdiagonalstrike": "bcancel",
    "horizontalstrike": "sout",
    "box": "boxed",
} | {
    "roundedbox": "boxed",
    "top": "overline",
    "bottom": "underline",
    "radical": "sqrt",
}
"""Command by `notation` of menclose."""


def to_latex(markup: str) -> str:
    """A serialised `<math>` element in LaTeX; text that is in no element stays as it is."""
    return _row(parsed(markup).children).strip()


def _row(children: Sequence[Element]) -> str:
    """Elements beside each other; fences around a matrix or binomial become part of it."""
    parts: list[str] = []
    place = 0
    while place < len(children):
        if taken := _fenced_table(children, place):
            latex, place = taken
        else:
            latex = _convert(children[place])
            place += 1
        if place < len(children) and _is_application(children[place]) and latex.startswith(r"\mathrm{"):
            latex = r"\operatorname" + latex.removeprefix(r"\mathrm")
        parts.append(latex)
    return joined(_stretched(parts))


def _stretched(parts: list[str]) -> list[str]:
    r"""The parts with `\left` and `\right` where a pair of fences is around all of them and something tall."""
    if len(parts) > 2 and FENCES.get(parts[0]) == parts[-1] and any(TALL.search(part) for part in parts[1:-1]):
        return [rf"\left{parts[0]}", *_spaced(parts[1:-1], parts[0]), rf"\right{parts[-1]}"]
    return parts


def _spaced(parts: list[str], fence: str) -> list[str]:
    return [f" {parts[0]}", *parts[1:]] if fence[-1].isalpha() and parts[0][:1].isalpha() else parts


def _is_application(element: Element) -> bool:
    return element.name == "mo" and element.text.strip() == "\u2061"


def _core(element: Element) -> Element:
    """The element inside rows, styles and the like that hold only it."""
    while element.name in {"mrow", "mstyle", "mpadded", "semantics", "math"} and element.children:
        inner = [child for child in element.children if child.name not in SKIPPED and not _is_blank(child)]
        if len(inner) != 1:
            break
        element = inner[0]
    return element


def _is_blank(element: Element) -> bool:
    return not element.children and element.name in {"mo", "mtext", "mrow", "mi"} and not _operator(element)


def _fenced_table(children: Sequence[Element], place: int) -> tuple[str, int] | None:
    """A fence with its table or binomial at `place`, and the place after it."""
    if children[place].name != "mo" or place + 1 >= len(children):
        return None
    opening, inner = _operator(children[place]), _core(children[place + 1])
    closes = place + 2 < len(children) and children[place + 2].name == "mo"
    closing = _operator(children[place + 2]) if closes else ""
    after = place + 3 if closes else place + 2
    if inner.name == "mtable":
        if opening == r"\{" and closing in {"", "."}:
            return _table(inner, "cases"), after
        environment, expected = MATRICES.get(opening, ("", ""))
        if environment and closing == expected:
            return _table(inner, environment), after
    if inner.name == "mfrac" and opening == "(" and closing == ")" and _is_bare(inner):
        return _convert(inner), after
    return None


def _operator(element: Element) -> str:
    return _characters(element.text.strip())


def _characters(text: str) -> str:
    return joined([symbol(character) for character in text])


def _convert(element: Element) -> str:
    """Any element in LaTeX."""
    if element.name in SKIPPED:
        return ""
    if convert := CONVERSIONS.get(element.name):
        return convert(element)
    return element.text.strip() + _row(element.children) if element.text.strip() else _row(element.children)


def _identifier(element: Element) -> str:
    text = element.text.strip()
    if text in FUNCTIONS:
        return rf"\{text}"
    variant = STYLES.get(element.get("mathvariant"))
    latex = _characters(text)
    if variant == "mathbf" and latex.startswith("\\"):
        variant = "boldsymbol"
    if not latex or (not variant and (latex.startswith("\\") or len(text) == 1)):
        return rf"\mathrm{{{latex}}}" if element.get("mathvariant") == "normal" and latex.isalpha() else latex
    if not variant and not text.isalpha():
        return latex
    return rf"\{variant or 'mathrm'}{{{latex}}}"


def _number(element: Element) -> str:
    latex = _characters(element.text.strip())
    variant = STYLES.get(element.get("mathvariant"))
    return rf"\{variant}{{{latex}}}" if variant else latex


def _mo(element: Element) -> str:
    text = element.text.strip()
    if text in FUNCTIONS:
        return rf"\{text}"
    if text == "mod":
        return r"\bmod "
    if len(text) > 1 and text.isalpha() and text.isascii():
        return rf"\operatorname{{{text}}}"
    return _characters(text)


def _text(element: Element) -> str:
    text = re.sub(r"\s+", " ", element.text.replace("\xa0", " ")) + "".join(map(_convert, element.children))
    if not text.strip():
        return r"\ " if text else ""
    return _plain(text)


def _plain(text: str) -> str:
    escaped = re.sub(r"([{}%#&_$])", r"\\\1", text.replace("\\", r"\backslash "))
    return rf"\text{{{escaped}}}"


def _string(element: Element) -> str:
    return _plain(f'"{element.text.strip()}"')


def _space(element: Element) -> str:
    inner = _row(element.children)
    if element.get("linebreak") == "newline":
        return r"\\ " + inner
    width = re.match(r"(-?[\d.]+)(?:em|ex)?$", element.get("width"))
    size = float(width[1]) if width and re.fullmatch(r"-?\d*\.?\d+|-?\d+\.", width[1]) else 0.0
    if size >= 2:
        return r"\qquad " + inner
    return (r"\quad " if size >= 1 else r"\," if size > 0.1 else "") + inner


def _is_bare(fraction: Element) -> bool:
    """Whether a fraction has no bar."""
    return re.match(r"0+(?:\.0*)?(?![.\d])", fraction.get("linethickness")) is not None


def _fraction(element: Element) -> str:
    above, below = _arguments(element, 2)
    if _is_bare(element):
        return rf"\binom{{{above}}}{{{below}}}"
    if element.get("bevelled") == "true":
        return f"{grouped(above)}/{grouped(below)}"
    return rf"\frac{{{above}}}{{{below}}}"


def _root(element: Element) -> str:
    base, degree = _arguments(element, 2)
    return rf"\sqrt[{degree}]{{{base}}}"


def _arguments(element: Element, count: int) -> list[str]:
    """The children in LaTeX, exactly `count` of them: blank where too few, the last holding what is too many."""
    children = [child for child in element.children if child.name not in {"annotation", "annotation-xml"}]
    latex = [_convert(child) for child in children[: count - 1]] + [_row(children[count - 1 :])]
    return latex + [""] * (count - len(latex))


def _base(latex: str) -> str:
    """A part that takes scripts: braces keep it together where it has scripts already or is more than one thing."""
    single = re.fullmatch(r"\\[A-Za-z]+(?:\{[^{}]*\})?|\\.|[^\\{}\s^_]|\d+(?:\.\d+)?|", latex)
    fenced = re.fullmatch(
        r"(?:\\left)?[(\[|].*[)\]|]|\\begin.*|\\(?:frac|sqrt|operatorname\*?)\b.*|\\[a-z]+brace.*", latex
    )
    return latex if single or (fenced and not re.search(r"[)\]|}][_^][^)\]|}]*$", latex)) else f"{{{latex}}}"


def _with_scripts(base: str, below: str, above: str) -> str:
    base = _base(base) if base else "{}"
    low = f"_{grouped(below)}" if below else ""
    if re.fullmatch("'+", above):
        return f"{base}{above}{low}"
    above = above.removeprefix("^") if above == r"^\circ" else above
    return f"{base}{low}" + (f"^{grouped(above)}" if above else "")


def _sub(element: Element) -> str:
    base, below = _arguments(element, 2)
    return _with_scripts(base, below, "")


def _sup(element: Element) -> str:
    base, above = _arguments(element, 2)
    return _with_scripts(base, "", above)


def _subsup(element: Element) -> str:
    base, below, above = _arguments(element, 3)
    return _with_scripts(base, below, above)


def _under(element: Element) -> str:
    return _limits(element, below=1)


def _over(element: Element) -> str:
    return _limits(element, above=1)


def _underover(element: Element) -> str:
    return _limits(element, below=1, above=2)


def _limits(element: Element, below: int = 0, above: int = 0) -> str:
    """What stands under and over a base: limits of an operator, an accent, a brace, a label on an arrow."""
    latex = _arguments(element, 2 + (below > 0 and above > 0))
    low, high = latex[below] if below else "", latex[above] if above else ""
    child = _core(element.children[0]) if element.children else Element("mrow")
    base, text = latex[0], child.text.strip()
    if text in LIMITS or text in LARGE or base.startswith((r"\sum", r"\prod", r"\int", r"\overbrace", r"\underbrace")):
        base = base.replace(r"\mathrm{", r"\operatorname*{").replace(r"\operatorname{", r"\operatorname*{")
        return _with_scripts(base, low, high)
    if text in ARROWS:
        return ARROWS[text] + (f"[{low}]" if low else "") + f"{{{high}}}"
    for place in (below, above):
        mark = _core(element.children[place]).text.strip() if place and place < len(element.children) else ""
        if mark in ACCENTS:
            short, long = ACCENTS[mark]
            if place == below and short == "bar":
                short = long = "underline"
            base = rf"\{short if SINGLE.fullmatch(base) else long}{{{base}}}"
            low, high = ("", high) if place == below else (low, "")
    base = rf"\underset{{{low}}}{{{base}}}" if low else base
    return rf"\overset{{{high}}}{{{base}}}" if high else base


def _multiscripts(element: Element) -> str:
    names = [child.name for child in element.children]
    split = names.index("mprescripts") if "mprescripts" in names else len(names)
    after, before = element.children[1:split], element.children[split + 1 :]
    base = _convert(element.children[0]) if element.children else ""

    parts = [_with_scripts("", low, high) for low, high in _pairs(before)]
    for place, (low, high) in enumerate(_pairs(after)):
        parts.append(_with_scripts("" if place else base, low, high))
    return joined(parts if after else [*parts, base])


def _pairs(scripts: Sequence[Element]) -> list[tuple[str, str]]:
    latex = [_convert(script) for script in scripts]
    return list(zip(latex[::2], [*latex[1::2], ""], strict=False))


def _table(element: Element, environment: str = "") -> str:
    rows = [child for child in element.children if child.name in {"mtr", "mlabeledtr"}]
    cells = [
        [_convert(cell) for cell in (row.children[1:] if row.name == "mlabeledtr" else row.children)] for row in rows
    ]
    if not environment:
        aligned = element.get("columnalign").startswith("right left") or element.get("displaystyle") == "true"
        environment = "aligned" if aligned else "matrix"
    body = r" \\ ".join(" & ".join(row) for row in cells)
    return rf"\begin{{{environment}}} {body} \end{{{environment}}}"


def _fenced(element: Element) -> str:
    attributes = element.attributes
    opening = _characters(element.get("open")) if re.search(r"\bopen\s*=", attributes) else "("
    closing = _characters(element.get("close")) if re.search(r"\bclose\s*=", attributes) else ")"
    separators = re.sub(r"\s", "", element.get("separators")) if re.search(r"\bseparators\s*=", attributes) else ","
    inner = _core(element.children[0]) if len(element.children) == 1 else Element("none")
    environment, expected = MATRICES.get(opening, ("", ""))
    if inner.name == "mtable" and ((environment and closing == expected) or (opening, closing) == (r"\{", "")):
        return _table(inner, environment or "cases")
    parts: list[str] = []
    for place, child in enumerate(element.children):
        if place and separators:
            parts.append(symbol(separators[min(place, len(separators)) - 1]))
        parts.append(_convert(child))
    if FENCES.get(opening) == closing:
        return joined(_stretched([opening, *parts, closing]))
    return (
        joined([rf"\left{opening or '.'}", *parts, rf"\right{closing or '.'}"]) if opening or closing else joined(parts)
    )


def _enclosed(element: Element) -> str:
    latex = _row(element.children)
    for notation in element.get("notation").split():
        if notation in STRIKES:
            latex = rf"\{STRIKES[notation]}{{{latex}}}"
    return latex


def _phantom(element: Element) -> str:
    return rf"\phantom{{{_row(element.children)}}}"


def _first(element: Element) -> str:
    return _convert(element.children[0]) if element.children else element.text.strip()


def _square_root(element: Element) -> str:
    return rf"\sqrt{{{_row(element.children)}}}"


CONVERSIONS: dict[str, Callable[[Element], str]] = {
    "mi": _identifier,
    "mn": _number,
    "mo": _mo,
    "mtext": _text,
    "ms": _string,
    "mspace": _space,
    "mfrac": _fraction,
    "msqrt": _square_root,
    "mroot": _root,
    "msub": _sub,
    "msup": _sup,
    "msubsup": _subsup,
    "munder": _under,
    "mover": _over,
    "munderover": _underover,
    "mmultiscripts": _multiscripts,
    "mtable": _table,
    "mfenced": _fenced,
    "menclose": _enclosed,
    "mphantom": _phantom,
    "maction": _first,
    "semantics": _first,
}
