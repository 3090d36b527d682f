"""A build that adds a new crawl to what an earlier one kept."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
from datasets import Dataset

from mathmill.corpus import build
from mathmill.corpus.layout import Build
from mathmill.corpus.view.differences import difference
from mathmill.demo.recording import record
from mathmill.demo.site import serve
from tests.corpus.small_crawl import MATH, OTHER, SmallCrawl, site_pages, words_drawn


def _second_crawl(root: Path, new: dict[str, str]) -> Path:
    """The pages of the first crawl, without the question that one of them quoted, and new ones."""
    date = datetime(2026, 2, 5, tzinfo=UTC)
    pages = site_pages("") | {url: f"<html><body><p>{text}</p></body></html>".encode() for url, text in new.items()}
    with serve(pages, date) as port:
        return record([*pages], port, root, date, files=1)


def test_a_refresh_adds_what_is_new_and_makes_nothing_again(small: SmallCrawl, built: Path, tmp_path: Path) -> None:
    new = {f"http://algebra.example/more/{n}.html": words_drawn(MATH, 9000 + n) for n in range(10)}
    new |= {f"http://food.example/more/{n}.html": words_drawn(OTHER, 9500 + n) for n in range(10)}
    crawl = SmallCrawl(_second_crawl(tmp_path, new), small.seed, small.question)
    assert build.main([*crawl.arguments(tmp_path / "refresh"), "--previous", str(built)]) == 0
    before, after = Build(built), Build(tmp_path / "refresh")

    unique = {row["url"] for row in pq.read_table(after.unique / "pages", columns=["url"]).to_pylist()}
    assert unique == set(new), "pages of the earlier build are dropped by their URLs"
    first = after.finished_iterations()[0]
    assert (first.classifier / "classifier.bin").samefile(before.last_classifier() / "classifier.bin")

    kept_before = {row["url"] for row in pq.read_table(before.corpus).to_pylist()}
    kept_after = [row["url"] for row in pq.read_table(after.corpus).to_pylist()]
    assert sorted(kept_after) == sorted({*kept_before, *(url for url in new if "algebra" in url)})
    parts = {file.stat().st_ino for file in before.corpus.glob("*.parquet")}
    assert parts <= {file.stat().st_ino for file in after.corpus.glob("*.parquet")}, "shared with the earlier build"
    shards = [row["url"] for file in after.shards.glob("*.arrow") for row in Dataset.from_file(str(file))]
    assert sorted(shards) == sorted(kept_after)

    seen = difference(before, after)
    assert (seen.shared_pages, seen.added.pages, seen.lost.pages) == (len(kept_before), 10, 0)
    (name, pages, tokens), *others = seen.added.domains
    assert (name, pages, others, seen.added.new_domains) == ("algebra.example", 10, [], 0)
    assert tokens == seen.added.tokens == 10 * 120, "a page has as many words"
    back = difference(after, before)
    assert (back.added, back.lost) == (seen.lost, seen.added)
