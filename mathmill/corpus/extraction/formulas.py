"""The formulas of one page, from where they are found to where they are written."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from mathmill.corpus.extraction import asciimath, mathml
from mathmill.corpus.extraction.latex import delimited, tidy, undelimited
from mathmill.corpus.extraction.marks import BREAK, FORMULA, FORMULA_END, without_marks

PLACE = re.compile(f"{FORMULA}([0-9]{{1,9}}){FORMULA_END}((?: *[.,;:](?![^\\s{FORMULA}]))?)")
CELL_ENDS = {"\t", "•"}


@dataclass(slots=True)
class Formula:
    """A formula as the page writes it."""

    markup: str
    """The form it was written in; the name that it is counted under."""
    source: str
    display: bool
    to_latex: Callable[[str], str | None] | None = None
    """From the source to LaTeX, where the source is something else."""

    def latex(self) -> str:
        """The formula in LaTeX, without delimiters; empty where it shows nothing."""
        latex = self.source if self.to_latex is None else self.to_latex(self.source) or ""
        return tidy(without_marks(latex))


class Formulas:
    """Formulas in the order in which they were found, each standing as a numbered mark in the page.

    Only marks that reach the finished text are written and counted: what goes with a menu, or was a second rendering of
    another formula, is dropped with its mark.
    """

    def __init__(self) -> None:
        self.found: list[Formula] = []

    def numbered(self, number: str) -> Formula | None:
        """The formula of a mark's number; a page that holds marks of its own may name none."""
        return self.found[int(number)] if int(number) < len(self.found) else None

    def mark(self, markup: str, source: str, *, display: bool = False) -> str:
        """The mark of a formula in LaTeX, delimiters around it allowed: they say whether it is a display."""
        source, is_display = undelimited(source)
        return self._mark(Formula(markup, source, display if is_display is None else is_display))

    def mark_mathml(self, element: str, *, display: bool) -> str:
        """The mark of a serialised `<math>` element without a source of its own."""
        return self._mark(Formula("mathml", element, display, mathml.to_latex))

    def mark_asciimath(self, source: str, *, display: bool = False) -> str:
        """The mark of a formula in AsciiMath."""
        return self._mark(Formula("asciimath", source, display, asciimath.to_latex))

    def _mark(self, formula: Formula) -> str:
        self.found.append(formula)
        return f"{FORMULA}{len(self.found) - 1}{FORMULA_END}"

    def write(self, text: str) -> tuple[str, Counter[str]]:
        """The text with its formulas in place of their marks, each once, and how many came from each markup.

        A display stands on a line of its own, with the punctuation that follows it, except in a table's row.
        """
        counts: Counter[str] = Counter()
        if FORMULA not in text:
            return text, counts
        waiting = dict(enumerate(self.found))

        def written(place: re.Match[str]) -> str:
            formula = waiting.pop(int(place[1]), None)
            latex = formula.latex() if formula else ""
            if not latex or not formula:
                return place[2]
            counts[formula.markup] += 1
            if not formula.display:
                return delimited(latex, display=False) + place[2]
            whole = place.string
            before = "" if whole[place.start() - 1 : place.start()] in CELL_ENDS else BREAK
            after = "" if whole[place.end() : place.end() + 1] == "\t" else BREAK
            return f"{before}{delimited(latex, display=True)}{place[2].strip()}{after}"

        return _with_breaks(PLACE.sub(written, text)), counts


def _with_breaks(text: str) -> str:
    """The text with a line break, or the blank line that is there, in place of marked breaks and the spaces around."""
    first, *rest = text.split(BREAK)
    pieces = [first]
    for piece in rest:
        before, after = pieces[-1].rstrip(" \n"), piece.lstrip(" \n")
        gap = pieces[-1][len(before) :] + piece[: len(piece) - len(after)]
        if not after:
            pieces[-1] = before + gap
            continue
        pieces[-1] = before
        indent = gap.rpartition("\n")[2] if "\n" in gap else ""
        pieces += ("\n\n" if "\n\n" in gap else "\n", indent + after)
    return "".join(pieces)
