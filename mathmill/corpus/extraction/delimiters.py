r"""Formulas that stand in a page's text between delimiters.

`\(…\)`, `\[…\]`, `$$…$$`, the environments of mathematics, `$latex …$` and `[tex]…[/tex]` are formulas everywhere
outside code: on a page that loads MathJax or KaTeX as they stand, on other pages where what they hold looks like
LaTeX. Further pairs are what the page's configuration says.

A literal dollar sign is told from a formula so: `$…$` is a formula only on a page whose configuration makes it one;
there too it must close in its paragraph before something other than a digit, and not begin as a price does (`$5 and
$6`). Every other dollar sign is left as it is; since a formula's own signs are the same, `$…$` in the text of a page
without such a configuration stays as well, and is counted where it holds LaTeX commands, scripts or a single letter.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from mathmill.corpus.extraction.configuration import Configuration
from mathmill.corpus.extraction.formulas import Formulas
from mathmill.corpus.extraction.marks import CODE, CODE_END, FORMULA

ENVIRONMENTS = (
    "align|align\\*|aligned|alignat|alignat\\*|array|cases|CD|displaymath|eqnarray|eqnarray\\*|equation|equation\\*|flalign"
    "|flalign\\*|gather|gather\\*|gathered|math|multline|multline\\*|split|[bBpvV]?matrix|smallmatrix|tikzcd"
)
TAGS = ("tex", "itex", "math", "latex", "imath", "dmath")
TAG_END = re.compile(rf"\[/(?:{'|'.join(TAGS)})\]")
PAIRS = {r"\(": (r"\)", False), r"\[": (r"\]", True), "$$": ("$$", True), "$latex ": ("$", False)} | {
    f"[{tag}]": (f"[/{tag}]", tag == "dmath") for tag in TAGS
}
"""Closing delimiter, and whether it ends a display, by opening delimiter."""
LONGEST = 5_000
"""Characters of a formula."""
OPEN_TEXT = re.compile(r"\\(?:text\w*|mbox|hbox)\s*\{[^{}]*\Z")
LONGEST_TEXT = 200
"""Characters of words inside a formula."""
LATEX = re.compile(r"\\[A-Za-z]{2,}|[\w)}\]]\s*[_^]\s*[\w{(\\+-]|[\w)}]\s*[=<>≤≥+]\s*[\w({\\-]|^\s*[A-Za-z]\s*$")
"""What tells LaTeX from an escaped bracket or a regular expression."""
COMMAND = re.compile(
    r"\\(?:frac|sqrt|sum|prod|int|lim|infty|partial|nabla|alpha|beta|gamma|delta|epsilon|lambda|theta|sigma|omega|mathbb|mathcal"
    r"|mathrm|mathbf|operatorname|left|right|cdot|times|leq|geq|neq|approx|equiv|subset|rightarrow|begin\{)(?![A-Za-z])"
)
"""Commands of which one in a page's text tells that it holds mathematics."""
NO_LATEX = re.compile(r"\\\||\[\^|https?:|\ufffd")
DOLLAR_LATEX = re.compile(r"\\[A-Za-z]+|[\w)}\]]\^[\w{\\]|(?<![A-Za-z0-9_])[A-Za-z]_[A-Za-z0-9{\\]|^[A-Za-z]$")
SHELL = re.compile(r"^(?:[{(]|[A-Z][A-Z0-9_]{2})|[\s,;:=(\[{<>|&/'\"`-]$|\n")
"""How text between the dollar signs of two variables begins or ends."""
PROSE = re.compile(r"(?<![\\A-Za-z{])[A-Za-z]{4,}\s+[A-Za-z]{2,}")
PRICE = re.compile(r"\s?\d[\d,.]*")
TEX_CHARACTERS = re.compile(r"[\\^_{}=]")
AFTER_PRICE = re.compile(r"[A-Za-z]{3,}|[\s,(/–-]$")  # noqa: RUF001


@dataclass(frozen=True, slots=True)
class Opened:
    """A delimiter that waits for its closing one."""

    delimiter: str
    closing: str
    display: bool
    start: int
    """Place before the delimiter."""
    content: int
    """Place after it."""


def present(text: str, configuration: Configuration) -> bool:
    """Whether the text, code and all, holds a formula between delimiters."""
    possible = (
        ("\\" in text and any(opening in text for opening in ("\\(", "\\[", "\\begin{")))
        or text.count("$") > 1
        or (configuration.asciimath and "`" in text)
        or ("[/" in text and TAG_END.search(text) is not None)
        or any(opening in text for opening in configuration.pairs)
    )
    return possible and next(_formulas(text, configuration), None) is not None


def mark_delimited(text: str, configuration: Configuration, formulas: Formulas) -> str:
    """The text with a mark in place of every formula between delimiters. One pass, linear in the text."""
    pieces: list[str] = []
    written = 0
    for opened, end, closing_end in _formulas(text, configuration):
        content = text[opened.content : end]
        if opened.delimiter == "`":
            mark = formulas.mark_asciimath(content)
        elif opened.delimiter.startswith("\\begin"):
            mark = formulas.mark("environment", text[opened.start : closing_end], display=True)
        else:
            mark = formulas.mark("delimiters", content, display=opened.display)
        pieces += (text[written : opened.start], mark)
        written = closing_end
    return "".join((*pieces, text[written:]))


def _formulas(text: str, configuration: Configuration) -> Iterator[tuple[Opened, int, int]]:
    """Every formula: its opened delimiter, the place where its content ends, the place after its closing delimiter."""
    pairs = PAIRS | configuration.pairs
    further = tuple(
        delimiter for opening, (closing, _) in configuration.pairs.items() for delimiter in (opening, closing)
    )
    token = _token(further, configuration.asciimath)
    opened: Opened | None = None
    nested, code, place = 0, 0, 0
    while found := token.search(text, place):
        start, place = found.span()
        what = found[0]
        if what in {CODE, CODE_END}:
            code, opened = max(0, code + (1 if what == CODE else -1)), None
        elif code or what in {"\\\\", "\\$"}:
            continue
        elif what.startswith(("\n", "\t", FORMULA)):
            opened = None
        elif opened and what == opened.closing and nested:
            nested -= 1
        elif opened and opened.delimiter == what and what.startswith("\\begin"):
            nested += 1
        elif opened and _closes(what, opened):
            if _is_formula(text, opened, start, configuration):
                place = start + len(opened.closing)
                yield opened, start, place
                opened = None
            else:
                opened = _opened(what, start, place, pairs)
        elif (now := _opened(what, start, place, pairs)) and not (opened and _holds(opened, now, text)):
            opened, nested = now, 0


def _opened(what: str, start: int, end: int, pairs: dict[str, tuple[str, bool]]) -> Opened | None:
    """The delimiter that `what` opens."""
    if what.startswith("\\begin"):
        return Opened(what, what.replace("begin", "end", 1), True, start, end)
    if what in pairs:
        return Opened(what, *pairs[what], start, end)
    if what in {"$", "`"}:
        return Opened(what, what, False, start, end)
    return None


def _closes(what: str, opened: Opened) -> bool:
    return what == opened.closing or (opened.closing == "$" and what == "$$")


def _holds(opened: Opened, inner: Opened, text: str) -> bool:
    r"""Whether an opening delimiter inside an opened one is part of its formula, as in `\text{if $x$}`."""
    if inner.delimiter == "$":
        return opened.delimiter != "$"
    if inner.delimiter == r"\(" and opened.display:
        return OPEN_TEXT.search(text, max(opened.content, inner.start - LONGEST_TEXT), inner.start) is not None
    return inner.delimiter.startswith("\\begin") and opened.delimiter not in {"$", "`"}


def _is_formula(text: str, opened: Opened, end: int, configuration: Configuration) -> bool:
    """Whether what stands between two delimiters is a formula."""
    content = text[opened.content : end] if end - opened.content <= LONGEST else ""
    if not content.strip():
        return False
    if opened.delimiter == "$":
        if text[end + 1 : end + 2].isdigit():
            return False
        if "$" in configuration.pairs:
            return not _is_price(content)
        before, after = text[opened.start - 1 : opened.start], text[end + 1 : end + 2]
        return (
            not content[0].isspace()
            and not (before.isalnum() or after.isalnum() or after in {"{", "_"})
            and SHELL.search(content) is None
            and DOLLAR_LATEX.search(content) is not None
            and PROSE.search(content) is None
        )
    if configuration.renders or opened.delimiter not in {r"\(", r"\[", "$$"}:
        return True
    return LATEX.search(content) is not None and NO_LATEX.search(content) is None


def _is_price(content: str) -> bool:
    price = PRICE.match(content)
    return bool(price and AFTER_PRICE.search(content, price.end()) and not TEX_CHARACTERS.search(content))


@lru_cache(256)
def _token(further: tuple[str, ...], asciimath: bool) -> re.Pattern[str]:
    openings = {*further, "\\\\", r"\(", r"\)", r"\[", r"\]", r"\$", "$$", "$latex ", "$", CODE, CODE_END, FORMULA}
    openings |= {f"[{slash}{tag}]" for tag in TAGS for slash in ("", "/")}
    if asciimath:
        openings.add("`")
    listed = "|".join(map(re.escape, sorted(openings, key=len, reverse=True)))
    return re.compile(rf"{listed}|\\(?:begin|end)\{{(?:{ENVIRONMENTS})\}}|\n\s*\n|\n +(?:•|\d{{1,4}}\.) |\t")
