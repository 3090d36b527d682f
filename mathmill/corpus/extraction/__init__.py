r"""HTML to text, formulas kept as LaTeX in `$…$` and `$$…$$`."""

from mathmill.corpus.extraction.page import Extracted, extract

__all__ = ["Extracted", "extract"]
