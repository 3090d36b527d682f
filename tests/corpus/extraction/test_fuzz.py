"""Damaged and hostile pages: no exception, no quadratic time, no mark left in the text.

`MATHMILL_FUZZ_INPUTS` sets how many mutated pages are tried (default 2,000).
"""

import os
import random
import time
from pathlib import Path

import pytest

from mathmill.corpus.extraction import extract
from mathmill.corpus.extraction.marks import ALL

GOLDEN = sorted(Path(__file__).with_name("golden").glob("*.html"))
INPUTS = int(os.environ.get("MATHMILL_FUZZ_INPUTS", "2000"))
BATCHES = 10
SECONDS = 5.0
"""CPU time that no page may take; a page of this size takes milliseconds."""
PIECES = [
    *(
        b"<",
        b">",
        b"</",
        b"<!--",
        b"-->",
        b"<![CDATA[",
        b"&",
        b"&#1;0&#2;",
        b"&#x1;99999&#x2;",
        b"\x00",
        b"\xff\xfe",
        b"\x01",
        b"'",
    ),
    *(
        b"$",
        b"$$",
        b"\\(",
        b"\\)",
        b"\\[",
        b"\\]",
        b"\\begin{align}",
        b"\\end{align}",
        b"\\",
        b"`",
        b"[tex]",
        b"[/tex]",
        b"{",
        b"}",
    ),
    *(
        b"<script type='math/tex'>",
        b"</script>",
        b"<math>",
        b"</math>",
        b"<mfrac>",
        b"<mtable>",
        b"<msub/>",
        b"<mml:math>",
    ),
    *(
        b"<span class='katex'>",
        b"<span class='mwe-math-element'>",
        b"<span class=math>",
        b"<mjx-container>",
        b"<sup>",
        b"<sub>",
    ),
    *(
        b"<table><tr><td><p>",
        b"<pre>",
        b"<template>",
        b"<div hidden>",
        b"<nav>",
        b"<body>",
        b"<frameset>",
        b"<select>",
        b"<svg>",
    ),
    *("∑".encode(), "数学".encode("gb18030"), "é".encode("latin-1"), b"<meta charset=utf-16>", b"<a href=x>", b"</a>"),
]


def mutated(page: bytes, draws: random.Random) -> bytes:
    """The page with a few pieces of it dropped, doubled, moved, overwritten or joined by pieces of markup."""
    for _ in range(draws.randint(1, 12)):
        start = draws.randrange(len(page) + 1)
        end = min(len(page), start + draws.choice((1, 1, 8, 200, 3000)))
        piece = page[start:end]
        match draws.randrange(5):
            case 0:
                page = page[:start] + page[end:]
            case 1:
                page = page[:end] + piece * draws.choice((1, 2, 30)) + page[end:]
            case 2:
                place = draws.randrange(len(page) + 1)
                page = page[:place] + piece + page[place:]
            case 3:
                page = page[:start] + draws.choice(PIECES) * draws.choice((1, 1, 3, 200)) + page[start:]
            case _:
                page = page[:start] + draws.randbytes(end - start) + page[end:]
    return page[:300_000]


@pytest.mark.parametrize("batch", range(BATCHES))
def test_mutated_pages(batch: int) -> None:
    draws = random.Random(batch)
    pages = [path.read_bytes() for path in GOLDEN]
    for number in range(INPUTS // BATCHES):
        page = mutated(draws.choice(pages), draws)
        charset = draws.choice((None, None, "utf-8", "gb2312", "big5", "utf-16", "no such charset", "ISO-8859-1"))
        started = time.process_time()
        extracted = extract(page, charset=charset)
        assert time.process_time() - started < SECONDS, f"input {number}"
        assert not any(mark in extracted.text for mark in ALL), f"input {number}"
        assert all(count > 0 for count in extracted.formulas.values()), f"input {number}"


def test_random_bytes() -> None:
    draws = random.Random(0)
    for _ in range(200):
        extract(draws.randbytes(draws.randrange(4000)), charset=draws.choice((None, "utf-8", "gbk", "utf-16le")))


HOSTILE = {
    "nothing": b"",
    "no element": b"<!doctype html>",
    "less-than signs": b"<" * 1_000_000,
    "deep blocks": b"<div>" * 50_000 + b"x" + b"</div>" * 50_000,
    "deep formulas": b"<span class=katex>" * 50_000 + b"x",
    "deep formulas that hold one": b"<span class=katex>" * 20_000 + b"<script type='math/tex'>x</script>",
    "deep containers": b"<div class=mwe-math-element>" * 20_000,
    "deep sources": b"<span class=math>" * 50_000 + b"x" * 20_000,
    "deep MathML": b"<math>" + b"<mrow>" * 50_000 + b"<mi>x</mi>",
    "many MathML": b"<math><mfrac><mi>x</mi><mi>y</mi></mfrac></math>" * 20_000,
    "deep scripts": b"<p>x" + b"<sup>" * 20_000 + b"2",
    "many scripts": b"<p>x" + b"<sup>2</sup>" * 20_000,
    "scripts after a long text": b"<p>" + b"word " * 50_000 + b"<sub>1</sub>" * 20_000,
    "deep headers": b"<header>" * 50_000 + b"<h1>x",
    "deep menus": b"<nav>" * 50_000 + b"word " * 50_000,
    "deep hidden": b"<div hidden>" * 20_000 + b"x",
    "deep tables": b"<table><tr><td><div>" * 20_000 + b"x",
    "deep labels": b"<label>" * 20_000 + b"$x$",
    "deep lists": b"<ul><li><a href=x>y</a>" * 20_000,
    "deep code": b"<code>" * 50_000 + b"$",
    "deep preformatted": b"<pre>" * 50_000 + b"x",
    "dollars": b"<p>" + b"$" * 200_000,
    "dollars apart": b"<p>" + b"$ a" * 100_000,
    "dollar pairs": b"<p>" + b"$a$ $b " * 20_000,
    "opened": b"<p>" + b"\\(" * 100_000,
    "opened both ways": b"<p>" + b"\\(\\[$$" * 50_000,
    "opened, closed once": b"<p>" + b"\\( a" * 50_000 + b"\\)",
    "closed": b"<p>" + b"\\)\\]" * 50_000,
    "not formulas": b"<p>" + b"\\(a|b\\) " * 50_000,
    "environments": b"<p>" + b"\\begin{align}" * 30_000,
    "environments ended": b"<p>" + b"\\begin{align}" * 20_000 + b"\\end{align}" * 20_000,
    "braces": b"<script type='math/tex'>" + b"{" * 200_000 + b"</script>",
    "size settings": b"<script type='math/tex'>" + b"\\large " * 50_000 + b"</script>",
    "comments in TeX": b"<script type='math/tex'>" + b"%\n" * 100_000 + b"</script>",
    "per cent signs": b"<script type='math/tex'>" + b"%" * 200_000 + b"\n</script>",
    "comments in MathML": b"<script type='math/mml'>" + b"<!--" * 50_000 + b"</script>",
    "annotations": b"<script type='math/mml'>" + b"<annotation " * 50_000 + b"</script>",
    "an attribute of annotations": b"<math x='" + b"<annotation " * 50_000 + b"'><mi>x</mi></math>",
    "quotes in MathML": b"<script type='math/mml'>" + b"<a \"'" * 50_000 + b"</script>",
    "a reference of many digits": b"<script type='math/mml'><mi>&#" + b"9" * 5_000 + b";</mi></script>",
    "spans without end": b"<pre>" + b"<span" * 50_000 + b"</span></pre>",
    "many attributes": b"<p " + b"".join(b" a%d=1" % number for number in range(50_000)) + b">x",
    "backticks": b"<script src='MathJax.js?config=AM_CHTML'></script><p>" + b"`(" * 20_000,
    "deep AsciiMath": b"<script src='MathJax.js?config=AM_CHTML'></script><p>`" + b"sqrt(" * 20_000 + b"`",
    "configuration": b"<script>MathJax = {inlineMath: " + b"[" * 200_000 + b"</script>",
    "configured": b"<script>MathJax; " + b"inlineMath: [['a', 'b']] " * 5_000 + b"</script><p>" + b"a " * 50_000,
    "huge attribute": b"<p class='" + b"a" * 5_000_000 + b"'>x",
    "many class names": b"".join(b"<p class=nav-%d>x" % number for number in range(50_000)),
    "image addresses": b"<img src='latex.php?latex=" + b"%5C" * 300_000 + b"' alt=''>",
    "spaces": b"<p>a" + b"&nbsp;" * 200_000 + b"b",
    "tabs and breaks": b"<pre>" + b" \t\n" * 200_000,
    "links": b"<p>" + b"<a href=x>" * 100_000,
    "empty links": b"<p><a href=x></a>" * 50_000,
    "displays": b"<p>" + b"$$x$$" * 20_000,
    "null bytes": b"\0" * 1_000_000,
    "meta": b"<meta " * 200_000,
    "a block many times": b"<pre>" + b"x" * 100_000 + b"</pre>" + b"&#7;0&#8;" * 50_000,
    "a formula many times": b"<span class=math>" + b"x" * 5_000 + b"</span>" + b"&#1;0&#2;" * 50_000,
    "sections": b"<section id=menu>" * 20_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_page_ends(name: str) -> None:
    started = time.process_time()
    extract(HOSTILE[name])
    assert time.process_time() - started < SECONDS
