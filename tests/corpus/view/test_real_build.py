"""What is read of a build that Spark and fastText have made."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from mathmill.corpus.layout import Build
from mathmill.corpus.question import Question
from mathmill.corpus.view import overview
from mathmill.corpus.view.candidates import candidate_domains
from mathmill.corpus.view.differences import difference
from mathmill.corpus.view.drafts import freeze_draft, save_draft
from mathmill.corpus.view.pages import random_pages, removals, sample_pages
from mathmill.errors import UserError
from tests.corpus.small_crawl import SmallCrawl


@pytest.fixture
def build(built: Path) -> Build:
    return Build(built)


def test_growth_has_a_row_for_each_iteration(build: Build) -> None:
    first, second = overview.growth(build)
    assert (first["number"], first["already_collected_share"], first["domains_candidates"]) == (1, 0.0, 2)
    assert (second["number"], second["pages"], second["new_pages"]) == (2, 51, 51 - first["pages"])
    assert first["annotations_by_person"] == 0
    assert "annotations_math" not in second, "the last iteration is not annotated"


def test_the_histogram_counts_every_page_once(build: Build) -> None:
    found = overview.score_histogram(build.iteration(2))
    assert found is not None
    pages = pq.read_table(build.unique / "pages", columns=["url"]).num_rows
    collected = pq.read_table(build.iteration(2).collected / "pages", columns=["score"])["score"].to_pylist()
    assert sum(found["pages"]) == pages
    assert found["cut"] <= min(collected) < found["cut"] + 1e-4


def test_candidates_have_their_prefixes_and_all_their_pages_scores(build: Build) -> None:
    domains = candidate_domains(build.iteration(1))
    assert [(one["name"], one["pages"]) for one in domains] == [("math.example", 26), ("algebra.example", 25)]
    first = domains[0]
    assert [prefix["name"] for prefix in first["prefixes"]] == ["math.example", "math.example/notes"]
    assert sum(first["bins"]) == 26
    assert {prefix["mark"]["by"] for prefix in first["prefixes"]} == {"auto"}


def test_samples_are_pages_of_their_prefix(build: Build) -> None:
    texts = dict(zip(*pq.read_table(build.unique / "pages", columns=["url", "text"]).to_pydict().values(), strict=True))
    rows = sample_pages(build.iteration(1), "math.example/notes")
    assert len({row["url"] for row in rows}) == 5
    for row in rows:
        assert row["url"].startswith("http://math.example/notes/")
        assert row["text"] == texts[row["url"]]
        assert row["kept"] == (row["score"] > 0.5)
    assert sample_pages(build.iteration(1), "nothing.example") == []


def test_a_removed_page_shows_the_words_that_it_shares(build: Build, small: SmallCrawl) -> None:
    (row,), total = removals(build.decontaminated, None, 0, 20)
    assert total == 1
    assert row.url == "http://math.example/notes/leak.html"
    assert row.matched_text
    page = next(
        page["text"]
        for page in pq.read_table(build.unique / "pages", columns=["url", "text"]).to_pylist()
        if page["url"] == row.url
    )
    assert f"{row.before}{row.matched_text}{row.after}" in page
    assert overview.benchmarks(build)[0]["pages"] == 1
    assert removals(build.decontaminated, "another", 0, 20) == ([], 0)


def test_a_random_draw_hangs_on_its_seed_alone(build: Build) -> None:
    drawn = [{row["url"] for row in random_pages(build.corpus, 8, seed)} for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(drawn[0]) == 8
    assert len(random_pages(build.corpus, 1000, 3)) == 50


def test_a_build_does_not_differ_from_itself(build: Build) -> None:
    found = difference(build, build)
    assert (found.shared_pages, found.added.pages, found.lost.pages) == (50, 0, 0)


def test_an_iteration_that_is_annotated_takes_no_decisions(build: Build) -> None:
    iteration = build.iteration(1)
    Question("corpus_refresh", "run", "iteration_1.ask", -1, None, 5, 0.5).write(iteration.question)
    try:
        with pytest.raises(UserError, match="waits for no decisions"):
            save_draft(iteration, {"math.example": True}, "ann")
        with pytest.raises(UserError, match="waits for no decisions"):
            freeze_draft(iteration)
    finally:
        iteration.question.unlink()
