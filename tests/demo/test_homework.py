"""Planted pages quote every question once, in HTML that gives it back."""

from mathmill.corpus.extraction import extract
from mathmill.demo.homework import EXERCISES, plant

QUESTIONS = [f"Is {n} < {n + 1} & odd?" for n in range(7)]


def test_each_question_stands_on_one_page() -> None:
    pages = plant(QUESTIONS, ["Let <x> be a prime."] * 4)
    texts = [extract(html).text for html in pages.values()]
    assert len(texts) == 3  # seven questions, three a page: the fourth reading is not needed
    assert [sum(question in text for text in texts) for question in QUESTIONS] == [1] * 7
    assert all("Let <x> be a prime." in text for text in texts)


def test_no_more_pages_than_readings() -> None:
    pages = plant(QUESTIONS, ["A reading."])
    (text,) = [extract(html).text for html in pages.values()]
    assert [question in text for question in QUESTIONS] == [True] * EXERCISES + [False] * (7 - EXERCISES)
