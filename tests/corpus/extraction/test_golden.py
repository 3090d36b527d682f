"""Pages as the sites that use a markup write them, with the text and the formulas that they must give."""

from pathlib import Path

import pytest

from mathmill.corpus.extraction import extract

GOLDEN = Path(__file__).with_name("golden")
FORMULAS = {
    "aops_images": {"image": 3},
    "ar5iv_latexml": {"latexml": 4},
    "arxiv_abstract": {"delimiters": 6},
    "asciimath": {"asciimath": 6},
    "codecogs_forum": {"codecogs": 3},
    "csdn": {"katex": 2, "codecogs": 1},
    "doxygen": {"doxygen": 2, "delimiters": 1},
    "github_markdown": {"delimiters": 2, "math": 2, "tex": 2},
    "hevea_manual": {"hevea": 2, "sup_sub": 1},
    "html_scripts": {"sup_sub": 17},
    "jupyter_nbconvert": {"delimiters": 5, "environment": 1},
    "katex_docs": {"katex": 4},
    "kramdown_blog": {"mathjax_script": 5},
    "mathjax2_rendered": {"mathjax_script": 2, "mathml": 1},
    "mathjax3_rendered": {"mathjax": 3},
    "mimetex_forum": {"mimetex": 2, "google_chart": 1, "delimiters": 1},
    "nlab_itex": {"mathml": 3},
    "openstax_mathml": {"mathml": 6},
    "pandoc": {"math": 8},
    "proofwiki": {"delimiters": 10},
    "shop_prices": {},
    "sphinx_imgmath": {"sphinx_image": 3},
    "sphinx_mathjax": {"math": 4},
    "stackexchange": {"math_container": 6},
    "texinfo_manual": {"math": 3},
    "wikipedia": {"wikipedia": 3, "sup_sub": 1},
    "wordpress": {"wordpress": 4, "delimiters": 1},
    "wp_katex": {"wp_katex": 4},
    "zhihu": {"zhihu": 4},
}


@pytest.mark.parametrize("name", sorted(path.stem for path in GOLDEN.glob("*.html")))
def test_page_gives_its_text(name: str) -> None:
    extracted = extract((GOLDEN / f"{name}.html").read_bytes())
    assert extracted.text == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8").removesuffix("\n")
    assert extracted.formulas == FORMULAS[name]
    assert extracted.has_math == bool(FORMULAS[name])
