"""What a domain's share of mathematics makes of the scores of its pages."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from mathmill.corpus.domain_prior import domain_share, posterior
from mathmill.corpus.session import spark_session
from mathmill.recipe_file import load_recipe

SCORES = "url string, domain string, text_score double"


@pytest.fixture(scope="module")
def spark() -> SparkSession:
    return spark_session(load_recipe("demo"))


def test_clear_evidence_gives_the_share_that_it_shows() -> None:
    evidence, counts = np.array([-20.0, 20.0]), np.array([75.0, 25.0])
    assert domain_share(evidence, counts, crawl_share=0.5, domain_pages=0) == pytest.approx(0.25)
    assert domain_share(evidence, counts, crawl_share=0.5, domain_pages=100) == pytest.approx((25 + 50) / 200)


def test_a_share_is_the_fixed_point_of_expectation_maximisation() -> None:
    evidence, counts = np.array([-1.0, 0.5, 2.0]), np.array([30.0, 40.0, 30.0])
    share = domain_share(evidence, counts, crawl_share=0.2, domain_pages=10)
    odds = share / (1 - share) * np.exp(evidence)
    again = (counts @ (odds / (1 + odds)) + 10 * 0.2) / 110
    assert again == pytest.approx(share, abs=2e-3)


@given(st.lists(st.floats(-7, 7), min_size=1, max_size=20), st.floats(0.01, 0.99), st.integers(1, 50))
def test_a_share_is_a_probability_and_rises_with_the_evidence(
    evidence: list[float], crawl_share: float, domain_pages: int
) -> None:
    counts = np.ones(len(evidence))
    share = domain_share(np.array(evidence), counts, crawl_share, domain_pages)
    more = domain_share(np.array(evidence) + 1, counts, crawl_share, domain_pages)
    assert 0 < share <= more < 1


def test_a_doubtful_page_follows_its_domain(spark: SparkSession) -> None:
    rows = [(f"m{n}", "math.example", 0.999) for n in range(50)] + [("m", "math.example", 0.4)]
    rows += [(f"n{n}", "news.example", 0.001) for n in range(50)] + [("n", "news.example", 0.6)]
    scored = posterior(spark.createDataFrame(rows, SCORES), prior_odds=1.0, domain_pages=5).collect()
    scores = {row["url"]: row["score"] for row in scored}
    assert len(scores) == 102
    assert scores["m"] > 0.5 > scores["n"]
    assert all(0 <= score <= 1 for score in scores.values())


def test_the_share_of_training_is_taken_out(spark: SparkSession) -> None:
    """Trained with three negatives a positive, a score of one quarter says nothing: the domain alone decides."""
    rows = [(f"{n}", "half.example", 0.25) for n in range(40)]
    scored = posterior(spark.createDataFrame(rows, SCORES), prior_odds=1 / 3, domain_pages=5).collect()
    assert {round(row["score"], 6) for row in scored} == {0.25}, "the mean score is the crawl's share"


def test_the_partitioning_changes_nothing(spark: SparkSession) -> None:
    generator = np.random.default_rng(0)
    rows = [(str(n), f"{n % 7}.example", float(generator.random())) for n in range(500)]
    results = [
        sorted(tuple(row) for row in posterior(table.repartition(parts), prior_odds=1.0, domain_pages=5).collect())
        for table in (spark.createDataFrame(rows, SCORES),)
        for parts in (1, 5)
    ]
    assert results[0] == results[1]
