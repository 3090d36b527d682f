"""Superscripts and subscripts of HTML: `x<sup>2</sup>` is `x^2`, but a footnote's number and `1<sup>st</sup>` stay.

A superscript is mathematics where it stands right after a letter or two, a function's name, a number of up to three
digits, or a closing bracket, and is short, holds no link and is neither an ordinal's ending, a trade mark nor a
bracketed number. After a longer word it is a footnote's number, unless it has a sign (`mol<sup>-1</sup>`). A
subscript is mathematics after any letter, digit or closing bracket, since notes are never below the line.
"""
# ruff: noqa: RUF001 -- signs of mathematics look like others

import re
from typing import Any

from mathmill.corpus.extraction.marks import FORMULA, LINK, SCRIPT, without_marks
from mathmill.corpus.extraction.symbols import FUNCTIONS

LONGEST = 40
"""Characters of a script."""
ORDINAL = re.compile(r"(?i)(?:st|nd|rd|th|er|re|e|è|ème|eme|ère|nde?|o|a|os|as|ª|º)$")
NO_SCRIPT = re.compile(r"(?i)^(?:TM|SM|MC|MD|®|™|©|\*+|†+|‡+|§+|\[.*\]|\(\d+\)|\?|!|#|¹|²|³)$")
BASE = re.compile(r"(?P<word>[^\W\d_]+)$|(?P<number>\d+)$")
TOUCHING = re.compile(r"[\w)\]}|'′~=<>+±∓×÷⋅∗∘⊕⊖⊗⊙∩∪⋂⋃∑∏∐∫∮∂∇√∈⊂⊆⊃⊇≤≥≪≫≺≻≼≽≡≅≃≈∼∝→←↔⇒⇔↦⊢⊨∧∨¬∀∃∥⊥∞⟩〉⌉⌋−-]$")
DIGITS = re.compile(r"[\d,–-]+$")
UNITS = frozenset(["cm", "mm", "km", "dm", "nm", "kg", "mg", "mol", "rad", "sec", "Hz", "eV"])
MOST_SCRIPTS = 3
"""Scripts of one base."""
BEFORE = 40
"""Characters looked at before a script."""


def replace_script(node: Any, *, raised: bool) -> None:
    """Replace a `<sup>` or `<sub>` element that is mathematics by its LaTeX; make any other plain text.

    Args:
        node: the element.
        raised: whether it is `<sup>`.
    """
    text = node.text or ""
    script = text.strip()
    if not script:
        return
    before = _before(node)
    if len(script) > LONGEST or not _is_mathematics(script, before, raised=raised):
        node.text = text
        return
    script = without_marks(script).replace("−", "-").replace("\n", " ") if FORMULA not in script else script
    node.outer_text = f"{SCRIPT}{'^' if raised else '_'}{script if len(script) == 1 else f'{{{script}}}'}"


def _before(node: Any) -> str:
    """The end of the text before a script; other scripts of the same base are passed over."""
    before = node.prev
    for _ in range(MOST_SCRIPTS):
        if before is None or before.tag not in {"sub", "sup"}:
            break
        before = before.prev
    return without_marks((before.text or "")[-BEFORE:]) if before is not None else ""


def _is_mathematics(script: str, before: str, *, raised: bool) -> bool:
    if LINK in script or FORMULA in script or not TOUCHING.search(before):
        return False
    # The logo of LaTeX.
    if (script, before[-1]) in {("A", "L"), ("E", "T")}:
        return False
    return not raised or (not NO_SCRIPT.search(script) and (_has_sign(script) or _is_base(before, script)))


def _has_sign(script: str) -> bool:
    return script[0] in "-−+" and len(script) > 1


def _is_base(before: str, script: str) -> bool:
    """Whether the end of a text can be raised to a power, rather than carry a note."""
    base = BASE.search(before)
    if base is None:
        return True
    if word := base["word"]:
        is_note = DIGITS.fullmatch(script) or script.isalpha()
        return len(word) <= 2 or word in FUNCTIONS or word in UNITS or not is_note
    return not ORDINAL.fullmatch(script) and not (len(base["number"]) > 3 and DIGITS.fullmatch(script))
