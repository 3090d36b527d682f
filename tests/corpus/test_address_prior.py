"""What the share of mathematics at an address makes of the scores of its pages."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from mathmill.corpus.address_prior import posterior, shares
from mathmill.corpus.session import spark_session
from mathmill.recipe_file import load_recipe

SCORES = "url string, domain string, prefix string, text_score double"


@pytest.fixture(scope="module")
def spark() -> SparkSession:
    return spark_session(load_recipe("demo"))


def test_clear_evidence_gives_the_share_that_it_shows() -> None:
    evidence, counts = np.array([-20.0, 20.0]), np.array([75.0, 25.0])
    assert shares([np.zeros(2, np.intp)], evidence, counts, 0.5, weight=0) == pytest.approx(0.25)
    assert shares([np.zeros(2, np.intp)], evidence, counts, 0.5, weight=100) == pytest.approx((25 + 50) / 200)


def test_a_share_is_drawn_towards_that_of_what_surrounds_the_address() -> None:
    """One folder of 30 mathematical pages of 40, another of none of 60, under one domain with 30 of 100."""
    evidence, counts = np.array([20.0, -20.0, -20.0]), np.array([30.0, 10.0, 60.0])
    levels = [np.array([0, 0, 0]), np.array([0, 0, 1])]
    domain = (30 + 5 * 0.5) / 105
    folders = [(30 + 5 * domain) / 45, (0 + 5 * domain) / 65]
    assert shares(levels, evidence, counts, 0.5, weight=5) == pytest.approx([folders[0], folders[0], folders[1]])


def test_a_share_is_the_fixed_point_of_expectation_maximisation() -> None:
    evidence, counts = np.array([-1.0, 0.5, 2.0]), np.array([30.0, 40.0, 30.0])
    share = shares([np.zeros(3, np.intp)], evidence, counts, 0.2, weight=10)[0]
    odds = share / (1 - share) * np.exp(evidence)
    again = (counts @ (odds / (1 + odds)) + 10 * 0.2) / 110
    assert again == pytest.approx(share, abs=2e-3)


@given(st.lists(st.floats(-7, 7), min_size=1, max_size=20), st.floats(0.01, 0.99), st.integers(1, 50))
def test_a_share_is_a_probability_and_rises_with_the_evidence(
    evidence: list[float], crawl_share: float, address_pages: int
) -> None:
    counts, levels = np.ones(len(evidence)), [np.arange(len(evidence)) % 3]
    share = shares(levels, np.array(evidence), counts, crawl_share, address_pages)
    more = shares(levels, np.array(evidence) + 1, counts, crawl_share, address_pages)
    assert (share > 0).all()
    assert (share <= more).all()
    assert (more < 1).all()


def _pages(prefix: str, score: float, count: int) -> list[tuple[str, str, str, float]]:
    domain = prefix.partition("/")[0].removeprefix("www.")
    return [(f"{prefix}/{score}-{n}", domain, prefix, score) for n in range(count)]


def test_a_doubtful_page_follows_its_address(spark: SparkSession) -> None:
    """The folders of one host differ, and each is believed; a folder of its own page alone is as its host is."""
    rows = _pages("math.example", 0.999, 50) + _pages("math.example/new", 0.4, 1)
    rows += _pages("www.math.example/shop/toys", 0.001, 50) + _pages("www.math.example/shop/toys", 0.6, 1)
    scored = posterior(spark.createDataFrame(rows, SCORES), prior_odds=1.0, address_pages=5).collect()
    scores = {row["url"]: row["score"] for row in scored}
    assert len(scores) == 102
    assert scores["math.example/new/0.4-0"] > 0.5 > scores["www.math.example/shop/toys/0.6-0"]
    assert all(0 <= score <= 1 for score in scores.values())


def test_the_share_of_training_is_taken_out(spark: SparkSession) -> None:
    """Trained with three negatives a positive, a score of one quarter says nothing: the address alone decides."""
    rows = _pages("half.example", 0.25, 40)
    scored = posterior(spark.createDataFrame(rows, SCORES), prior_odds=1 / 3, address_pages=5).collect()
    assert {round(row["score"], 6) for row in scored} == {0.25}, "the mean score is the crawl's share"


def test_the_partitioning_changes_nothing(spark: SparkSession) -> None:
    generator = np.random.default_rng(0)
    rows = [page for n in range(500) for page in _pages(f"{n % 7}.example/{n % 5}", float(generator.random()), 1)]
    results = [
        sorted(tuple(row) for row in posterior(table.repartition(parts), prior_odds=1.0, address_pages=5).collect())
        for table in (spark.createDataFrame(rows, SCORES),)
        for parts in (1, 5)
    ]
    assert results[0] == results[1]
