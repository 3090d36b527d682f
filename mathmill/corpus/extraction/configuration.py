r"""What a page's own scripts say about the formulas in its text: MathJax's and KaTeX's settings."""

import re
from dataclasses import dataclass, field
from itertools import islice

KEYS = re.compile(r"\b(inlineMath|displayMath|delimiters)['\"]?\s*[:=]\s*")
STRING = r"(?:\"((?:[^\"\\\n]|\\.){1,24})\"|'((?:[^'\\\n]|\\.){1,24})'|String\.raw`([^`\n]{1,24})`)"
PAIR = re.compile(rf"\[\s*{STRING}\s*,\s*{STRING}\s*\]")
KATEX = re.compile(
    rf"\{{\s*['\"]?left['\"]?\s*:\s*{STRING}\s*,\s*['\"]?right['\"]?\s*:\s*{STRING}\s*(?:,\s*['\"]?display['\"]?\s*:\s*(!?\w+))?"
)
BRACKET = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|[\[\]{}]")
MOST_KEYS = 20
SETTING = 2_000
"""Characters after a key in which its pairs are looked for."""
RENDERERS = ("mathjax", "katex", "mathml", "jsmath", "asciimath", "texmath")
ASCIIMATH = re.compile(r"(?i)asciimath|[-_/]AM[-_]|_AM\b|config=AM")


@dataclass(slots=True)
class Configuration:
    """How formulas stand in a page's text."""

    renders: bool = False
    """Whether the page loads something that sets formulas."""
    asciimath: bool = False
    """Whether text between backticks is AsciiMath."""
    pairs: dict[str, tuple[str, bool]] = field(default_factory=dict)
    """Closing delimiter, and whether it ends a display, by opening delimiter."""

    def read_address(self, address: str) -> None:
        """Take in the address of a script that the page loads."""
        if any(renderer in address.lower() for renderer in RENDERERS):
            self.renders = True
            self.asciimath |= ASCIIMATH.search(address) is not None

    def read_script(self, script: str) -> None:
        """Take in a script that stands in the page."""
        if not any(name in script for name in ("MathJax", "renderMath", "katex", "asciimath")):
            return
        self.renders = True
        self.asciimath |= "asciimath" in script.lower()
        for found in islice(KEYS.finditer(script), MOST_KEYS):
            setting = _bracketed(script, found.end())
            if found[1] == "delimiters":
                self.pairs |= {left: (right, display) for left, right, display in _katex_pairs(setting)}
            else:
                display = found[1] == "displayMath"
                self.pairs |= {left: (right, display) for left, right in _pairs(setting) if left != "`"}


def _bracketed(script: str, start: int) -> str:
    """The array or object that begins at `start`."""
    depth = 0
    for found in BRACKET.finditer(script, start, start + SETTING):
        if found[0] in "[{":
            depth += 1
        elif found[0] in "]}":
            depth -= 1
            if depth <= 0:
                return script[start : found.end()]
        elif depth == 0:
            break
    return ""


def _pairs(setting: str) -> list[tuple[str, str]]:
    return [(_string(groups[:3]), _string(groups[3:6])) for groups in PAIR.findall(setting)]


def _katex_pairs(setting: str) -> list[tuple[str, str, bool]]:
    return [
        (_string(groups[:3]), _string(groups[3:6]), groups[6] in {"true", "!0", ""})
        for groups in KATEX.findall(setting)
    ]


def _string(groups: tuple[str, ...]) -> str:
    """A JavaScript string's value."""
    return groups[2] or re.sub(r"\\(.)", r"\1", groups[0] or groups[1])
