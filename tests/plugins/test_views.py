"""What the pages of a build show."""

import re

from mathmill.corpus.layout import Build
from mathmill.home import home
from mathmill.reuse.take_over import SAME
from tests.plugins.conftest import Client
from tests.plugins.written_build import FOLDER, RUN_ID, close_build, finish

BUILD = f"/corpus/builds/demo/{FOLDER}"


def test_the_first_page_lists_builds_and_says_which_waits(client: Client, waiting: Build) -> None:
    text = client("vic", "VIEWER").get("/corpus/").text
    assert re.search(rf'href="{BUILD}/annotate/1/">waits for you', text)


def test_the_tab_of_a_run_is_its_build_s_overview(client: Client, waiting: Build) -> None:
    vic = client("vic", "VIEWER")
    assert "Iteration 1 waits" in vic.get(f"/corpus/runs/corpus_refresh/{RUN_ID}").text
    assert "has not written anything" in vic.get("/corpus/runs/corpus_refresh/another").text
    assert "make no corpus" in vic.get(f"/corpus/runs/pretrain/{RUN_ID}").text


def test_the_overview_has_growth_scores_languages_domains_and_benchmarks(client: Client, waiting: Build) -> None:
    close_build(waiting, {"http://site000.example/1": 4, "http://site000.example/2": 5})
    text = client("vic", "VIEWER").get(f"{BUILD}/").text
    growth = re.search(r'<table id="growth">.*?<tbody>(.*?)</tbody>', text, re.DOTALL)
    assert growth is not None
    assert re.findall(r'"n">([^<]*)<', growth[1])[:6] == ["1", "40", "40", "0.0%", "9,000", "3"]
    assert text.count("<rect") == 2 + 5
    assert "kept from 0.500 on" in text
    assert "<td>eng</td>" in text
    assert f'<a href="{BUILD}/removed?benchmark=GSM8K">GSM8K</a>' in text


def test_the_overview_says_which_stages_were_taken_over_and_why(client: Client, waiting: Build) -> None:
    earlier = waiting.root.with_name("earlier")
    finish(waiting.ingested, "ingest", {}, taken_over=str(earlier / "ingested"))
    finish(waiting.iteration(1).scores, "score", {}, taken_over=str(earlier / "iteration-2" / "scores"))
    finish(waiting.unique, "dedup", {}, made_because="seed is <2>, was 1")
    text = client("vic", "VIEWER").get(f"{BUILD}/").text
    rows = re.findall(r"<tr><td>(.*?)</td>.*?</td><td>(.*?)</td><td>(.*?)</td></tr>", text.partition('id="stages"')[2])
    link = 'taken over from <a href="/corpus/builds/demo/earlier/">earlier</a>'
    assert rows == [
        ("ingested", link, SAME),
        ("unique", "made", "seed is &lt;2&gt;, was 1"),
        ("iteration-1/scores", link, SAME),
        ("iteration-1/collected", "made", ""),
        ("iteration-1/domains", "made", ""),
    ]


def test_removed_pages_show_what_was_found(client: Client, waiting: Build) -> None:
    close_build(waiting, {"http://site000.example/1": 4})
    text = client("vic", "VIEWER").get(f"{BUILD}/removed", params={"benchmark": "GSM8K"}).text
    assert "Long before. <mark>Natalia &lt;b&gt;sold&lt;/b&gt;</mark> clips." in text
    assert "<script>" not in text
    assert "Nothing was removed" in client("vic", "VIEWER").get(f"{BUILD}/removed?benchmark=MATH").text


def test_a_sample_is_drawn_by_its_seed_with_formulas(client: Client, waiting: Build) -> None:
    close_build(waiting, {f"http://site000.example/{number}": 4 for number in range(60)})
    vic = client("vic", "VIEWER")
    first, again, other = (vic.get(f"{BUILD}/sample", params={"seed": seed}).text for seed in (1, 1, 2))
    urls = [re.findall(r"<h2>(.*?)</h2>", text) for text in (first, again, other)]
    assert urls[0] == urls[1] != urls[2]
    assert len(set(urls[0])) == 8
    assert "<msubsup><mo>∑</mo>" in first
    assert "<img" not in first


def test_two_builds_are_compared(client: Client, waiting: Build) -> None:
    close_build(waiting, {"http://a.example/1": 4, "http://b.example/1": 5})
    earlier = Build(home() / "outputs" / "demo" / "corpus" / "earlier")
    close_build(earlier, {"http://a.example/1": 4, "http://c.example/1": 7})
    text = client("vic", "VIEWER").get(f"{BUILD}/compare", params={"earlier": "demo/earlier"}).text
    assert "1 pages are in both" in text
    added, lost = text.split("<h2>Lost</h2>")
    assert "<td>b.example</td>" in added
    assert "<b>5</b> tokens" in added
    assert "<td>c.example</td>" in lost
    assert client("vic", "VIEWER").get(f"{BUILD}/compare?earlier=demo/none").status_code == 404
