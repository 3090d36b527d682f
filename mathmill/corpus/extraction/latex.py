r"""LaTeX sources as pages hold them, made fit to stand between dollar signs."""

import re
from collections.abc import Sequence

DELIMITERS = (
    ("$$", "$$", True),
    ("$", "$", False),
    (r"\(", r"\)", False),
    (r"\[", r"\]", True),
    ("[tex]", "[/tex]", False),
    ("[itex]", "[/itex]", False),
    ("[math]", "[/math]", False),
    ("[latex]", "[/latex]", False),
    (r"\begin{displaymath}", r"\end{displaymath}", True),
    (r"\begin{equation}", r"\end{equation}", True),
    (r"\begin{equation*}", r"\end{equation*}", True),
    (r"\begin{math}", r"\end{math}", False),
)
"""Opening, closing, whether the formula between is a display."""
ENVIRONMENT = re.compile(r"\\begin\{(?:align|gather|multline|eqnarray|flalign|alignat)\*?\}")
"""Environments that make a display of their own."""
COMMENT = re.compile(r"(?<!\\)%")
CDATA = re.compile(r"%\s*<!\[CDATA\[|%\s*\]\]>|<!\[CDATA\[|\]\]>")
SPACE = re.compile(r"\s+")
SETTINGS = re.compile(
    r"(?:\\(?:displaystyle|textstyle|dpi\s*\{\d*\}|bg_\w+|fn_\w+|inline|tiny|small|normalsize|large|Large|LARGE|huge|Huge"
    r"|require\s*\{\w*\})(?![A-Za-z])\s*)+"
)
"""What images and MathML put before a formula to set its size and colour."""
MOST_AROUND = 3
"""Pairs of braces around a whole formula, with settings between them."""
DEFINITION = re.compile(
    r"\\(?:(?:re)?newcommand|providecommand|def|gdef|edef|let|DeclareMathOperator|newenvironment)\b"
)
SINGLE = re.compile(r"\\[A-Za-z]+|\\.|[^\\{}\s]")
"""One character or command."""
RUNS_ON = re.compile(r"(?:\\[A-Za-z]+|[_^]\w)$")
TEXT_IN_MATH = re.compile(r"\\(?:text\w*|mbox|hbox|mathrm)\b")


def tidy(source: str) -> str:
    """A formula's source on one line, without comments, size settings and braces around the whole.

    Returns:
        The empty string for a source that shows nothing: blank, or definitions of macros.
    """
    if "CDATA" in source:
        source = CDATA.sub("", source)
    if "%" in source and "\n" in source:
        source = _without_comments(source)
    source = SPACE.sub(" ", source).strip()
    for _ in range(MOST_AROUND):
        if source.startswith("{") and source.endswith("}") and _closes_last(source):
            source = source[1:-1].strip()
        if settings := SETTINGS.match(source):
            source = source[settings.end() :]
    if DEFINITION.match(source):
        return ""
    # Nothing needs a line break or a space at its end, and a lone backslash would escape the dollar sign after it.
    return source.rstrip("\\ ")


def _without_comments(source: str) -> str:
    """The source without comments; as in TeX, each takes the line break and the spaces after it along.

    A per cent sign on the last line stays: authors of alternative texts mean it.
    """
    *lines, last = source.split("\n")
    kept = ""
    for line in lines:
        rest = line if not kept or kept[-1] == "\n" else line.lstrip()
        comment = COMMENT.search(rest)
        kept += rest[: comment.start()] if comment else f"{rest}\n"
    return kept + (last if not kept or kept[-1] == "\n" else last.lstrip())


def undelimited(source: str) -> tuple[str, bool | None]:
    r"""A source without the delimiters around it, and whether they made it a display; None without delimiters."""
    source = source.strip()
    for opening, closing, display in DELIMITERS:
        if source.startswith(opening) and source.endswith(closing) and len(source) > len(opening) + len(closing) - 1:
            inside = source[len(opening) : len(source) - len(closing)]
            if closing not in inside or opening.startswith("\\begin"):
                return inside.strip(), display
    return source, True if ENVIRONMENT.match(source) else None


def delimited(latex: str, *, display: bool) -> str:
    r"""A tidy formula between dollar signs; a source that has its own between words, as `a $x$ b`, stays as it is."""
    if "$" in latex and not TEXT_IN_MATH.search(latex) and re.search(r"(?<!\\)\$", latex):
        return latex
    return f"$${latex}$$" if display else f"${latex}$"


def joined(parts: Sequence[str]) -> str:
    """Parts of a formula in a row, with a space where a command or a script would run into a letter or digit."""
    row = ""
    for part in parts:
        if part[:1].isalnum() and part[:1].isascii() and RUNS_ON.search(row[-30:]):
            row += " "
        row += part
    return row


def grouped(latex: str) -> str:
    """A part as an argument that may stand without braces where it is one character or command."""
    return latex if SINGLE.fullmatch(latex) else f"{{{latex}}}"


def _closes_last(source: str) -> bool:
    """Whether the brace that opens `source` is closed by its last character."""
    depth = 0
    for match in re.finditer(r"\\.|[{}]", source):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        if depth == 0:
            return match.end() == len(source)
    return False
