"""What becomes of a page's parts: boilerplate goes, the text and its structure stay."""
# ruff: noqa: RUF001 -- Chinese has punctuation of its own

import pytest

from mathmill.corpus.extraction import extract

PROSE = (
    "<p>Let the leading term be positive; then the series converges, as every reader of a navigation chart knows.</p>"
)
TEXT = "Let the leading term be positive; then the series converges, as every reader of a navigation chart knows."


def text_of(body: str) -> str:
    """The text of a page with this body."""
    return extract(f"<!doctype html><html><head><meta charset=utf-8></head><body>{body}</body></html>".encode()).text


@pytest.mark.parametrize(
    "block",
    [
        "<nav>Home Products</nav>",
        "<footer>All rights reserved</footer>",
        "<header>Site name</header>",
        "<aside>Latest news</aside>",
        "<div class='site-footer'>About us</div>",
        "<div class='topNav'>Overview</div>",
        "<div id=sidebar>Latest</div>",
        "<ul class='breadcrumb-list breadcrumbs'><li>Home</ul>",
        "<div class='cookie-banner'>We use cookies</div>",
        "<div hidden>Not shown</div>",
        "<div style='color: red; display : none'>Not shown</div>",
        "<script>var shown = 1</script><style>p { color: red }</style><noscript>Turn it on</noscript>",
        "<template>Later</template><svg><text>icon</text></svg><select><option>choice</select><button>OK</button>",
        "<ul><li><a href=a>One</a><li><a href=b>Two</a><li><a href=c>Three</a><li><a href=d>Four</a></ul>",
        "<p><a href=a>Next</a> | <a href=b>Previous</a> | <a href=c>Up</a></p>",
        "<a class=x href='#content'>Skip to main content</a>",
        "<div class=cookie-banner><p>We use cookies so that this page works as well as you may expect of it.</p></div>",
        "<nav><p>All that is new in the <a href=n>next version</a> of this program, and what has changed</p></nav>",
    ],
)
def test_boilerplate_goes(block: str) -> None:
    assert text_of(block + PROSE) == TEXT


@pytest.mark.parametrize(
    ("block", "text"),
    [
        ("<header><h1>On series</h1></header>", "On series"),
        ("<div class=header><h2>On series</h2></div>", "On series"),
        ("<div class='has-sidebar navigation-chart-wrapper'>On series</div>", "On series"),
        ("<div class=unavailable>On series</div>", "On series"),
        ("<section id=menu><h2>Menu</h2>Soup.</section>", "Menu\n\nSoup."),
        ("<aside class=footnote>1. Proved in 1821.</aside>", "1. Proved in 1821."),
        ("<table><tr class=header><th>n<th>a</tr></table>", "n\ta"),
        (
            "<div class=sidebar>" + "A long note, not a list of links. " * 60 + "</div>",
            "A long note, not a list of links. " * 60,
        ),
        (
            "<p>See <a href=a>Cauchy</a>, <a href=b>Abel</a> and what they proved about it.</p>",
            "See Cauchy, Abel and what they proved about it.",
        ),
        ("<h2>Series<a class=headerlink href='#series'>¶</a></h2>", "Series"),
        (
            "<nav><p>Home</p><p>A farmer has 17 sheep and 4 goats and buys 5 sheep. How many animals has he?</p></nav>",
            "A farmer has 17 sheep and 4 goats and buys 5 sheep. How many animals has he?",
        ),
        (
            "<a class=prev-next><p>A farmer has 17 sheep and 4 goats and buys 5 sheep. How many are there?</p></a>",
            "A farmer has 17 sheep and 4 goats and buys 5 sheep. How many are there?",
        ),
        (
            "<footer><p>小明有46张画片，又买了17张，他现在一共有多少张画片？</p></footer>",
            "小明有46张画片，又买了17张，他现在一共有多少张画片？",
        ),
        ("<div hidden><aside><p>Find <span class=math>x^2</span>.</p></aside></div>", "Find $x^2$."),
        ("<label><input type=radio> (A) <span class=math>x^2</span></label>", "(A) $x^2$"),
    ],
)
def test_text_stays(block: str, text: str) -> None:
    assert text_of(block + PROSE) == f"{text.strip()}\n\n{TEXT}"


def test_no_class_hides_the_page() -> None:
    page = f"<html class='nav-open menu'><body class='sidebar footer' style='display:none'>{PROSE}</body></html>"
    assert extract(page.encode()).text == TEXT


def test_structure() -> None:
    body = """
    <h1>A  title</h1><p>First
    paragraph,&nbsp;with <b>bold</b>.<br>New line.</p><p>Second.</p>
    <ul><li>one<li>two<ul><li>deep</ul></ul><ol><li>first</ol>
    <table><tr><th>n</th><th>n<sup>2</sup></th></tr><tr><td><p>2</p></td><td></td><td>4</td></tr></table>
    <pre>
def f(x):
    return "$x$"


end
</pre>
    <dl><dt>term<dd>meaning</dl>"""
    assert text_of(body).split("\n") == [
        *("A title", "", "First paragraph, with bold.", "New line.", "", "Second.", ""),
        *("  • one", "  • two", "    • deep", "  1. first", "n\tn^2", "2\t\t4"),
        *("def f(x):", '    return "$x$"', "", "", "end", "term", "meaning"),
    ]


def test_code_keeps_its_lines_whatever_marks_them() -> None:
    assert text_of("<pre>a<br>  b</pre>") == "a\n  b"
    colours = """<pre><style type="text/css">b { color: red }</style><span class="lineno"> 1 </span><span>if</span> x:
    <b>y</b></pre>"""
    assert text_of(colours) == "if x:\n    y"
    lines = "".join(f"<div class=line>{line}</div>" for line in ("int f(){", "  return 1;", "}"))
    assert text_of(f"<div class=fragment>{lines}</div>") == "int f(){\n  return 1;\n}"
    assert text_of("<pre>x = <span class=katex><script type='math/tex'>x^2</script>x2</span></pre>") == "x = $x^2$"


def test_formulas_in_hidden_elements_are_rescued_and_macros_are_not() -> None:
    assert text_of("<p>So <span style='display:none'><math><mi>x</mi></math></span>.</p>") == "So $x$."
    assert text_of(r"<div style='display:none'>\(\newcommand{\R}{R}\)</div><p>Text.</p>") == "Text."


def test_formula_that_goes_with_a_menu_is_not_counted() -> None:
    extracted = extract(
        b"<nav><span class=math-container>$a$</span></nav><p><span class=math-container>$b$</span> is.</p>"
    )
    assert (extracted.text, extracted.formulas) == ("$b$ is.", {"math_container": 1})


def test_long_page_is_read_to_its_end() -> None:
    articles = b"<article><header><h2>x</h2></header><label>y</label><div class=math> </div></article>" * 3_000
    extracted = extract(b"<p><span class=math-container>$a$</span></p><nav>Menu</nav>" + articles)
    assert extracted.text.startswith("$a$\n\nx")
    assert extracted.formulas == {"math_container": 1}


def test_title_and_whether_there_is_mathematics() -> None:
    extracted = extract(b"<title> On &amp; off </title><p>x</p>")
    assert (extracted.title, extracted.has_math, dict(extracted.formulas)) == ("On & off", False, {})
    assert extract(rb"<p>The source \frac{a}{b} stands here.</p>").has_math
    assert not extract(b"<p>C:\\temp\\files = a+b, $5</p>").has_math
    assert extract(b"").text == ""
    assert extract(b"<frameset><frame src=a></frameset>").title is None


def test_charset_of_the_header() -> None:
    assert extract("<p>函数的极限</p>".encode("gbk"), charset="gb2312").text == "函数的极限"


def test_marks_of_a_page_are_no_formulas() -> None:
    page = b"<p>a\x01b&#1;7&#2;c <span class=katex>&#1;9&#2;</span> <span class='math display'>&#1;9&#2;</span></p>"
    assert extract(page).text == "abc"
