"""How pages are read, and which of them annotations call mathematics."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mathmill.corpus.decisions import AUTO, Decision, write_table
from mathmill.corpus.session import spark_session
from mathmill.corpus.tables import each_url_once, under_mathematics
from mathmill.recipe_file import load_recipe

ROWS = [("http://a.example/", "Newer text"), ("http://a.example/", "An older text"), ("http://b.example/", "Other")]


@pytest.mark.parametrize("partitions", [1, 3])
@pytest.mark.parametrize("rows", [ROWS, ROWS[::-1]], ids=["as they come", "backwards"])
def test_which_text_of_a_url_stands_hangs_on_no_order(rows: list[tuple[str, str]], partitions: int) -> None:
    spark = spark_session(load_recipe("demo"))
    pages = spark.createDataFrame(rows, "url string, text string").repartition(partitions)
    found = {tuple(row) for row in each_url_once(pages).collect()}
    assert found == {("http://a.example/", "An older text"), ("http://b.example/", "Other")}


def test_a_person_s_longest_prefix_decides_and_any_of_the_thresholds(tmp_path: Path) -> None:
    decisions = [
        ("a.example", True, "ann"),
        ("a.example/blog", False, "ann"),
        ("a.example/blog/maths", True, "ann"),
        ("b.example", True, AUTO),
        ("b.example/blog", False, AUTO),
        ("c.example", True, AUTO),
        ("c.example/blog", False, "ann"),
    ]
    (tmp_path / "out").mkdir()
    write_table([Decision(*one, datetime.now(UTC)) for one in decisions], tmp_path / "out")
    paths = ("1", "blog/1", "blog/maths/1")
    urls = [(f"http://{host}.example/{path}",) for host in "abcd" for path in paths]
    spark = spark_session(load_recipe("demo"))
    found = under_mathematics(spark.createDataFrame(urls, "url string"), tmp_path / "out").collect()
    assert sorted(row["url"] for row in found) == [
        "http://a.example/1",
        "http://a.example/blog/maths/1",
        "http://b.example/1",
        "http://b.example/blog/1",
        "http://b.example/blog/maths/1",
        "http://c.example/1",
    ]
