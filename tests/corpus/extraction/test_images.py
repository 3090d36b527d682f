"""Images of formulas, by the address that draws them or the alternative text."""

import pytest

from mathmill.corpus.extraction import extract


@pytest.mark.parametrize(
    ("attributes", "markup", "text"),
    [
        ("src='https://s0.wp.com/latex.php?latex=x%5E2+%2B+1&bg=fff&fg=000&s=0'", "wordpress", "$x^2 + 1$"),
        ("src='https://s0.wp.com/latex.php?latex=%5Cdisplaystyle+x' alt='x_1' class=latex", "wordpress", "$x_1$"),
        (
            r"src='//latex.codecogs.com/svg.image?\inline&space;\LARGE&space;\bg_white&space;x&plus;y'",
            "codecogs",
            "$x+y$",
        ),
        ("src='http://host/cgi-bin/mimetex.cgi?%5Cfrac%7Ba%7D%7Bb%7D'", "mimetex", r"$\frac{a}{b}$"),
        ("src='http://host/cgi-bin/mathtex.cgi?x^2' alt=y", "mimetex", "$x^2$"),
        ("src='http://chart.apis.google.com/chart?cht=tx&chl=a%2Bb'", "google_chart", "$a+b$"),
        ("src='https://www.zhihu.com/equation?tex=a%2Bb' eeimg=1", "zhihu", "$a+b$"),
        ("src='https://render.githubusercontent.com/render/math?math=a%2Bb&mode=inline'", "image", "$a+b$"),
        ("src='data:image/gif;base64,R0' data-src='https://s0.wp.com/latex.php?latex=x'", "wordpress", "$x$"),
        ("src='form_1.png' class=formulaDsp alt='\\[x\\]'", "doxygen", "$$x$$"),
        ("src='a.png' class='ql-img-displayed-equation quicklatex-auto-format' alt='&#120;'", "wordpress", "$$x$$"),
        ("src='_images/math/0a.png' alt='x'", "sphinx_image", "$x$"),
        ("src='img1.gif' alt='$x^2$'", "image", "$x^2$"),
        (r"src='img2.gif' alt='\begin{displaymath}x\end{displaymath}'", "image", "$$x$$"),
        ("src='x.png' alt='{\\displaystyle {\\frac {a}{b}}}'", "image", r"$\frac {a}{b}$"),
    ],
)
def test_formula(attributes: str, markup: str, text: str) -> None:
    extracted = extract(f"<p><img {attributes}></p>".encode())
    assert (extracted.text, extracted.formulas) == (text, {markup: 1})


@pytest.mark.parametrize(
    "attributes",
    ["src='photo.jpg' alt='A lake'", "src='price.png' alt='$'", "alt=x", "src='latex.php?page=2'", "src='' class=math"],
)
def test_other_images_are_no_text(attributes: str) -> None:
    assert extract(f"<p>See <img {attributes}> here.</p>".encode()).text == "See here."
