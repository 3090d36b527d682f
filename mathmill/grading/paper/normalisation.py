r"""How the published evaluation rewrites an answer before it compares it (deepseek-ai/DeepSeek-Math, `strip_string`).

The order of the rewritings is theirs, and so is what they do besides what they are for: see `docs/graders.md`.
"""

import re

NAMES = (("tfrac", "frac"), ("dfrac", "frac"), ("cfrac", "frac"), ("\\left", ""), ("\\right", ""))
UNITS = (
    (re.compile(r"\^\{\\circ\}"), ""),
    (re.compile(r"\^\\circ"), ""),
    (re.compile(r"\{[cm]?m\}(?:\^[23])?"), ""),
    (re.compile(r"p\.m\.$"), ""),
    (re.compile(r"(\d)\s*t$"), r"\1"),
)
TRAILING_TEXT = re.compile(r"\\text{.*?}$")
r"""From the first `\text{` to the end, if that is a brace."""
SIGNS = (
    ("\\$", ""),
    ("$", ""),
    ("x\\in", ""),
    ("\\%", "%"),
    ("\\%", "%"),  # once more, as there: two backslashes go as well
    (" .", " 0."),
    ("{.", "{0."),
    ("\\cdot", ""),
    ("infinity", "\\infty"),
)
FONTS = (("+\\inity", "\\infty"), ("\\mathbf", ""), ("\\mathrm", ""))
BOXED_TEXT = re.compile(r"\\mbox{.*?}")
ZEROS = (
    (re.compile(r"(\d+)\.0+([^\d])"), r"\1\2"),
    (re.compile(r"(\d+)\.0+$"), r"\1"),
)
ARGUMENTS = (
    (re.compile(r"\\(sqrt|tan)(-?[0-9.a-zA-Z]+)"), r"\\\1{\2}"),
    (re.compile(r"\\(sqrt|tan)\s+(\w+)$"), r"\\\1{\2}"),
)
END = re.compile(r"[\\,.]+$")
INTEGER = re.compile(r"0|-?[1-9][0-9]*")


def normalise(answer: str) -> str:
    """`answer` in the form that is compared."""
    text = answer.strip().replace("\n", "").rstrip(".").replace("\\!", "")
    if text.startswith("\\text{") and text.endswith("}"):
        text = text.removeprefix("\\text{")[:-1]
    text = _without_units(_replaced(text, NAMES))
    text = _replaced(text, SIGNS)
    if "\\infty" not in text:
        text = text.replace("inf", "\\infty")
    text = BOXED_TEXT.sub("", _replaced(text, FONTS))
    if "i" not in text:
        text = text.replace("j", "i")
    for pattern, replacement in ZEROS:
        text = pattern.sub(replacement, text)
    if text.startswith("."):
        text = f"0{text}"
    for pattern, replacement in ARGUMENTS:
        text = pattern.sub(replacement, text)
    return END.sub("", _slash_as_fraction(_braced_fractions(text.replace(" ", ""))))


def _replaced(text: str, replacements: tuple[tuple[str, str], ...]) -> str:
    for old, new in replacements:
        text = text.replace(old, new)
    return text


def _without_units(text: str) -> str:
    text = TRAILING_TEXT.sub("", text).strip() or text
    for unit, rest in UNITS:
        text = unit.sub(rest, text).strip()
    return text


def _braced_fractions(text: str) -> str:
    r"""`\frac12` as `\frac{1}{2}`; the text as it is if any fraction in it lacks an argument."""
    head, *tails = text.split("\\frac")
    if any(len(tail) < 2 and not tail.startswith("{") for tail in tails):
        return text
    return "\\frac".join([head, *map(_braced_arguments, tails)])


def _braced_arguments(tail: str) -> str:
    if tail.startswith("{"):
        return tail
    numerator, denominator, rest = tail[0], tail[1], tail[2:]
    return f"{{{numerator}}}{denominator}{rest}" if denominator == "{" else f"{{{numerator}}}{{{denominator}}}{rest}"


def _slash_as_fraction(text: str) -> str:
    parts = text.split("/")
    if len(parts) != 2 or not all("sqrt" in part or INTEGER.fullmatch(part) for part in parts):
        return text
    return f"\\frac{{{parts[0]}}}{{{parts[1]}}}"
