"""How pages are read."""

import pytest

from mathmill.corpus.session import spark_session
from mathmill.corpus.tables import each_url_once
from mathmill.recipe_file import load_recipe

ROWS = [("http://a.example/", "Newer text"), ("http://a.example/", "An older text"), ("http://b.example/", "Other")]


@pytest.mark.parametrize("partitions", [1, 3])
@pytest.mark.parametrize("rows", [ROWS, ROWS[::-1]], ids=["as they come", "backwards"])
def test_which_text_of_a_url_stands_hangs_on_no_order(rows: list[tuple[str, str]], partitions: int) -> None:
    spark = spark_session(load_recipe("demo"))
    pages = spark.createDataFrame(rows, "url string, text string").repartition(partitions)
    found = {tuple(row) for row in each_url_once(pages).collect()}
    assert found == {("http://a.example/", "An older text"), ("http://b.example/", "Other")}
