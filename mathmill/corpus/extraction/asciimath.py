r"""AsciiMath to LaTeX, for pages that load it and write their formulas between backticks.

The subset: numbers, letters, quoted and `text(…)` words, the constants, operators, relations, arrows and Greek
letters of the AsciiMath syntax page, brackets with invisible ones, matrices of brackets in brackets, `a/b`, `x^2`,
`x_1`, the unary operators (`sqrt`, accents, fonts, functions) and the binary ones (`frac`, `root`, `stackrel`,
`overset`, `underset`). Colours, classes and ids are not read. Source of the grammar: asciimath.org.
"""

import re
from functools import cache

from mathmill.corpus.extraction.latex import grouped, joined

_NAMES = """
alpha beta gamma Gamma delta Delta epsilon varepsilon zeta eta theta Theta vartheta iota kappa lambda Lambda mu nu xi
Xi pi Pi rho sigma Sigma tau upsilon phi Phi varphi chi psi Psi omega Omega int oint sum prod cdots vdots ddots quad
nabla square cap cup in to subset subseteq lt gt le ge ne prec succ equiv cong approx sim propto neg implies iff
forall exists vdash models perp top partial sin cos tan csc sec cot sinh cosh tanh coth arcsin arccos arctan log ln
exp det dim gcd min max lim sup inf mod langle rangle emptyset infty aleph diamond ldots cdot ast star circ oplus
otimes odot wedge vee angle triangle uparrow downarrow rightarrow leftarrow leftrightarrow Rightarrow Leftarrow
Leftrightarrow mapsto ker hom deg
"""
SYMBOLS = {name: f"\\{name}" for name in _NAMES.split()} | {
    "**": r"\ast",
    "***": r"\star",
    "*": r"\cdot",
    "//": "/",
    r"\\": r"\backslash",
    "xx": r"\times",
    "-:": r"\div",
    "|><": r"\ltimes",
    "><|": r"\rtimes",
    "|><|": r"\bowtie",
    "@": r"\circ",
    "o+": r"\oplus",
    "ox": r"\otimes",
    "o.": r"\odot",
    "^^": r"\wedge",
    "^^^": r"\bigwedge",
    "vv": r"\vee",
    "vvv": r"\bigvee",
    "nn": r"\cap",
    "nnn": r"\bigcap",
    "uu": r"\cup",
    "uuu": r"\bigcup",
    "!=": r"\ne",
    "<=": r"\le",
    ">=": r"\ge",
    "-<": r"\prec",
    ">-": r"\succ",
    "!in": r"\notin",
    "sub": r"\subset",
    "sup": r"\supset",
    "sube": r"\subseteq",
    "supe": r"\supseteq",
    "-=": r"\equiv",
    "~=": r"\cong",
    "~~": r"\approx",
    "prop": r"\propto",
    "not": r"\neg",
    "and": r"\text{ and }",
    "or": r"\text{ or }",
    "if": r"\text{ if }",
    "=>": r"\Rightarrow",
    "<=>": r"\Leftrightarrow",
    "AA": r"\forall",
    "EE": r"\exists",
    "_|_": r"\bot",
    "TT": r"\top",
    "|--": r"\vdash",
    "|==": r"\models",
    "del": r"\partial",
    "grad": r"\nabla",
    "+-": r"\pm",
    "-+": r"\mp",
    "O/": r"\emptyset",
    "oo": r"\infty",
    ":.": r"\therefore",
    ":'": r"\because",
    "...": r"\ldots",
    "/_": r"\angle",
    "CC": r"\mathbb{C}",
    "NN": r"\mathbb{N}",
    "QQ": r"\mathbb{Q}",
    "RR": r"\mathbb{R}",
    "ZZ": r"\mathbb{Z}",
    "->": r"\to",
    "|->": r"\mapsto",
    "rarr": r"\rightarrow",
    "larr": r"\leftarrow",
    "uarr": r"\uparrow",
    "darr": r"\downarrow",
    "harr": r"\leftrightarrow",
    "rArr": r"\Rightarrow",
    "lArr": r"\Leftarrow",
    "hArr": r"\Leftrightarrow",
    "lcm": r"\operatorname{lcm}",
    "dx": "dx",
    "dy": "dy",
    "dz": "dz",
    "dt": "dt",
    "%": r"\%",
    "#": r"\#",
    "&": r"\&",
    "$": r"\$",
}
UNARY = {name: rf"\{name}" for name in ("sqrt", "hat", "bar", "vec", "dot", "ddot", "tilde", "cancel")} | {
    "ul": r"\underline",
    "underline": r"\underline",
    "overline": r"\overline",
    "abs": "|",
    "norm": r"\|",
    "floor": r"\lfloor",
    "ceil": r"\lceil",
    "bb": r"\mathbf",
    "bbb": r"\mathbb",
    "cc": r"\mathcal",
    "tt": r"\mathtt",
    "fr": r"\mathfrak",
    "sf": r"\mathsf",
}
FUNCTIONS = frozenset(
    [
        "sin",
        "cos",
        "tan",
        "csc",
        "sec",
        "cot",
        "sinh",
        "cosh",
        "tanh",
        "coth",
        "arcsin",
        "arccos",
        "arctan",
        "log",
        "ln",
        "exp",
        "det",
        "dim",
        "gcd",
        "ker",
        "deg",
        "f",
        "g",
    ]
)
"""Names that take the term after them as their argument."""
ENCLOSING = {"|": "|", r"\|": r"\|", r"\lfloor": r"\rfloor", r"\lceil": r"\rceil"}
BINARY = {"frac": r"\frac", "root": r"\sqrt", "stackrel": r"\overset", "overset": r"\overset", "underset": r"\underset"}
OPENING = {"(": "(", "[": "[", "{": r"\{", "(:": r"\langle", "{:": ".", "<<": r"\langle", "|:": "|"}
CLOSING = {")": ")", "]": "]", "}": r"\}", ":)": r"\rangle", ":}": ".", ">>": r"\rangle", ":|": "|"}
MATRIX = {("(", ")"): "pmatrix", ("[", "]"): "bmatrix", ("|", "|"): "vmatrix", (r"\{", "."): "cases"}
DEEPEST = 40
"""Brackets and operators nested beyond this depth are plain symbols."""


@cache
def _token() -> re.Pattern[str]:
    words = sorted({*SYMBOLS, *UNARY, *BINARY, *OPENING, *CLOSING}, key=len, reverse=True)
    names = "|".join(map(re.escape, words))
    return re.compile(rf'\s*(?:"([^"]*)"|text\(([^()]*)\)|(\d+(?:\.\d+)?)|({names})|(\S))')


def to_latex(source: str) -> str:
    """The LaTeX of an AsciiMath formula; brackets and operators nested too deep are read as plain symbols."""
    reader = _Reader([found.groups() for found in _token().finditer(source)])
    parts: list[str] = []
    while reader.place < len(reader.tokens):
        parts.append(reader.expression())
        if reader.place < len(reader.tokens):
            parts.append(CLOSING[reader.take()])
    return joined(parts)


class _Reader:
    """Recursive descent over the tokens of one formula."""

    def __init__(self, tokens: list[tuple[str | None, ...]]) -> None:
        self.tokens = tokens
        self.place = 0
        self.depth = 0

    def peek(self) -> str:
        """The next symbol, or the empty string at the end and before a number or words."""
        if self.place >= len(self.tokens):
            return ""
        _, _, _, name, other = self.tokens[self.place]
        return name or other or ""

    def take(self) -> str:
        """The next symbol, consumed."""
        symbol = self.peek()
        self.place += 1
        return symbol

    def expression(self) -> str:
        """Terms up to a closing bracket or the end."""
        parts: list[str] = []
        while self.place < len(self.tokens) and self.peek() not in CLOSING:
            part = self.scripted()
            if self.peek() == "/":
                self.place += 1
                part = rf"\frac{{{_unwrapped(part)}}}{{{_unwrapped(self.scripted())}}}"
            parts.append(part)
        return joined(parts)

    def scripted(self) -> str:
        """A term with what stands below and above it."""
        name = self.peek()
        base = self.simple()
        for sign in ("_", "^"):
            if self.peek() == sign:
                self.place += 1
                script = _unwrapped(self.simple())
                base += f"{sign}{grouped(script)}"
        if name in FUNCTIONS and (self.peek() == "(" or (len(name) > 1 and self.takes_argument())):
            base = joined([base, self.scripted()])
        return base

    def takes_argument(self) -> bool:
        """Whether the next token is a letter or number, as in `sin x` and `log 2`."""
        if self.place >= len(self.tokens):
            return False
        _, _, number, name, other = self.tokens[self.place]
        return bool(
            number
            or (other and other.isalpha())
            or (name and SYMBOLS.get(name, "").startswith("\\") and name.isalpha())
        )

    def simple(self) -> str:
        """One constant, bracket or operator with its arguments."""
        if self.place >= len(self.tokens):
            return ""
        if self.depth > DEEPEST:
            symbol = self.take()
            return SYMBOLS.get(symbol, OPENING.get(symbol, symbol))
        self.depth += 1
        latex = self._simple()
        self.depth -= 1
        return latex

    def _simple(self) -> str:
        quoted, text, number, name, other = self.tokens[self.place]
        if (words := quoted if quoted is not None else text) is not None:
            self.place += 1
            return rf"\text{{{words}}}"
        symbol = number or name or other or ""
        if symbol in OPENING:
            return self.bracket()
        self.place += 1
        if symbol in UNARY:
            command, argument = UNARY[symbol], _unwrapped(self.simple())
            return (
                joined([command, argument, ENCLOSING[command]]) if command in ENCLOSING else f"{command}{{{argument}}}"
            )
        if symbol in BINARY:
            first, second = _unwrapped(self.simple()), _unwrapped(self.simple())
            return rf"\sqrt[{first}]{{{second}}}" if symbol == "root" else f"{BINARY[symbol]}{{{first}}}{{{second}}}"
        return SYMBOLS.get(symbol, symbol)

    def bracket(self) -> str:
        """A bracketed expression, or a matrix."""
        opening = OPENING[self.take()]
        start = self.place
        inner = self.expression()
        closing = CLOSING[self.take()] if self.peek() in CLOSING else "."
        if environment := MATRIX.get((opening, closing)):
            symbols = [name or other or number or "" for *_, number, name, other in self.tokens[start : self.place - 1]]
            cells = _cells(inner) if _are_rows(symbols) else []
            if len({len(row) for row in cells}) == 1:
                body = r" \\ ".join(" & ".join(row) for row in cells)
                return rf"\begin{{{environment}}} {body} \end{{{environment}}}"
        if opening == "." and closing == ".":
            return f"{{{inner}}}"
        if "." in {opening, closing} or r"\frac" in inner:
            return rf"\left{opening}{inner}\right{closing}"
        return f"{opening}{inner}{closing}"


def _are_rows(symbols: list[str]) -> bool:
    """Whether bracketed rows with commas between them are all there is."""
    depth, rows = 0, 0
    for symbol in symbols:
        if depth == 0 and symbol not in OPENING and symbol != ",":
            return False
        rows += depth == 0 and symbol in OPENING
        depth += (symbol in OPENING) - (symbol in CLOSING)
    return rows > 1


def _cells(inner: str) -> list[list[str]]:
    """The cells of rows in brackets."""
    rows: list[list[str]] = []
    depth, cell = 0, ""
    for character in inner:
        depth -= character in ")]}"
        if depth == 0 and character in "([":
            rows.append([])
        elif (depth == 0 and character in ")]") or (depth == 1 and character == ","):
            rows[-1].append(cell.strip())
            cell = ""
        elif depth:
            cell += character
        depth += character in "([{"
    return rows


def _unwrapped(latex: str) -> str:
    """An argument without the brackets that only grouped it."""
    if len(latex) > 1 and (latex[0] + latex[-1]) in {"()", "[]"} and _closes_last(latex):
        return latex[1:-1]
    if latex.startswith(r"\{") and latex.endswith(r"\}"):
        return latex[2:-2]
    return latex


def _closes_last(latex: str) -> bool:
    depth = 0
    for place, character in enumerate(latex):
        depth += (character in "([") - (character in ")]")
        if depth == 0:
            return place == len(latex) - 1
    return False
