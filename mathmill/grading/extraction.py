"""The final answer of a worked solution."""

import re

BOX = re.compile(r"\\(?:boxed|fbox)\s*(?=\S)")
"""`\\boxed` and `\\fbox`, which some reference solutions use."""


def extract_answer(text: str) -> str | None:
    r"""The content of the last complete `\boxed{…}` of `text`, braces nested as they may be; None without one.

    `\boxed 5`, without braces, holds the one character or command that follows, as in TeX.
    """
    for box in reversed(list(BOX.finditer(text))):
        content = _argument(text, box.end())
        if content is not None:
            return content.strip()
    return None


def _argument(text: str, start: int) -> str | None:
    """The TeX argument at `start`; None where its braces are never closed."""
    if text[start] != "{":
        single = re.compile(r"\\[A-Za-z]+|\\?.").match(text, start)
        return single.group() if single else None
    depth = 0
    position = start
    while position < len(text):
        character = text[position]
        if character == "\\":
            position += 1  # an escaped brace opens and closes nothing
        elif character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
            if depth == 0:
                return text[start + 1 : position]
        position += 1
    return None
