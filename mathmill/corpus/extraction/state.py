"""What the pass over a parsed page collects."""

from dataclasses import dataclass, field
from typing import Any

from mathmill.corpus.extraction.configuration import Configuration
from mathmill.corpus.extraction.formulas import Formulas
from mathmill.corpus.extraction.marks import KEPT

WORK = 20
"""Characters read from elements for each byte of the page, after which the rest of it is left as it is."""
MOST_KEPT = 20_000
"""Times that an element which was left as it is may be read again inside others, before the rest is left so, too."""


@dataclass(slots=True)
class Page:
    """A page while its tree is rewritten.

    Elements inside one another are read once each, so that their text is read again and again. What is read is
    replaced, dropped or marked as kept; the limits keep the work linear on pages that are nothing but such elements.
    """

    source: bytes
    """The page in UTF-8."""
    formulas: Formulas = field(default_factory=Formulas)
    configuration: Configuration = field(default_factory=Configuration)
    blocks: list[str] = field(default_factory=list)
    """Preformatted blocks, which stand as numbered marks in the page."""
    has_math_scripts: bool = False
    """Whether it has scripts that hold formulas, so that what MathJax 2 shows beside them is a second rendering."""
    read: int = 0
    """Characters read from elements."""
    kept: int = 0
    """Times that elements which were left as they are have been read inside others."""

    _has_breaks: bool | None = None
    _most_read: int = field(init=False)

    def __post_init__(self) -> None:
        self._most_read = WORK * len(self.source) + 100_000

    @property
    def has_breaks(self) -> bool:
        """Whether the page has `<br>` elements."""
        if self._has_breaks is None:
            self._has_breaks = b"<br" in self.source
        return self._has_breaks

    @property
    def is_exhausted(self) -> bool:
        """Whether reading more of the page would take longer than its size allows."""
        return self.read > self._most_read or self.kept > MOST_KEPT

    def text_of(self, element: Any) -> str:
        """The text of an element."""
        text: str = element.text or ""
        self.read += len(text)
        self.kept += text.count(KEPT)
        return text

    def keep(self, element: Any) -> None:
        """Leave an element as it is."""
        element.prepend(element.owner_document.create_text_node(KEPT))
