"""What the pass over a parsed page collects."""

from dataclasses import dataclass, field
from typing import Any

from mathmill.corpus.extraction.configuration import Configuration
from mathmill.corpus.extraction.formulas import Formulas

WORK = 20
"""Characters read from elements for each byte of the page, after which the rest of it is left as it is."""
MOST_KEPT = 300
"""Elements that are read and then left as they are, after which the rest of the page is left so, too."""


@dataclass(slots=True)
class Page:
    """A page while its tree is rewritten.

    Elements inside one another are read once each, so that their text is read again and again. What is read is
    replaced, dropped or counted; the limits keep the work linear on pages that are nothing but such elements.
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
    """Elements read and left as they are."""

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
        return text
