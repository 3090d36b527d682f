r"""HTML to text, formulas kept as LaTeX in `$…$` and `$$…$$`.

What is read as a formula, by the name that it is counted under:

mathjax_script: scripts `math/tex`, with their display mode; what MathJax 2 shows beside them goes.
mathjax: what MathJax 3 and 4 show, by the MathML or the source inside.
katex: KaTeX's annotation; what it shows beside it goes.
mathml: `<math>`, by its TeX annotation, its text or its elements; scripts `math/mml`.
latexml: `alttext` of `<math>`.
wikipedia: MediaWiki's hidden MathML or the alternative text of its images, once; `.texerror`.
delimiters: `\(…\)`, `\[…\]`, `$$…$$`, `[tex]…[/tex]`, `$latex …$`, and what the page's configuration names.
environment: `\begin{align}…` and its like in the text.
math_container: Stack Exchange's spans.
math: elements of the class `math` and its like, as pandoc, Sphinx, GAPDoc, Texinfo, mkdocs and GitLab write them.
tex: elements of the class `tex`, and `<d-math>`.
wp_katex: the KaTeX plugins of WordPress.
wordpress, codecogs, mimetex, google_chart, zhihu, doxygen, sphinx_image: images, by address or alternative text.
image: other images whose class, folder or alternative text says that they show a formula.
asciimath: scripts `math/asciimath`, `<mathjax>`, and text between backticks where the page loads AsciiMath.
hevea: displays that HeVeA sets as tables.
sup_sub: `<sup>` and `<sub>` that are mathematics, as `x^2` and `a_{ij}` without dollar signs.
"""

from mathmill.corpus.extraction.page import Extracted, extract

__all__ = ["Extracted", "extract"]
