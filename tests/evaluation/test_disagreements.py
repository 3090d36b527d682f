"""Disagreements between graders are found, told by reason, and shown in a page that carries no markup of theirs."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from mathmill.evaluation.disagreements import REASONS, Disagreement, count_reasons, find_disagreements, tell_reason
from mathmill.evaluation.disagreements_page import SHOWN, disagreements_page, log_disagreements, shown_disagreements
from mathmill.evaluation.results import Item
from mathmill.grading.grader import Grader
from mathmill.grading.paper.grading import grade_as_published
from mathmill.grading.paper.rules import PAPER_RULES
from mathmill.job import Job
from mathmill.questions.question import Question
from mathmill.recipe_file import load_recipe
from mathmill.tracking.task_run import task_run


def item(gold, answer, outcome, paper_answer, paper_outcome, **fields):
    return Item(
        **{
            "model": "models/a",
            "label": "rl",
            "task": "math",
            "question_id": "7",
            "question": "How many?",
            "gold": gold,
            "prompt": "How many?",
            "sample": 0,
            "completion": f"It is {answer}.",
            "answer": answer,
            "outcome": outcome,
            "right": outcome == "right",
            "finish_reason": "stop",
            "tokens": 5,
            "paper_answer": paper_answer,
            "paper_outcome": paper_outcome,
            "paper_right": paper_outcome == "right",
            **fields,
        }
    )


PERCENT = item("0.5", "50", "wrong", "50", "right")
TOLD = {
    "time": [item("5", "5!", "timed_out", "5!", "right"), item("5", "5", "right", "5", "failed")],
    "extraction": [item("5", None, "missing", "5", "right"), item("5", "5", "right", "6", "wrong")],
    "percent": [PERCENT, item("50", "50\\%", "wrong", "50%", "right")],
    "sign": [item("-1.6", "-1.60", "right", "-1.60", "wrong"), item("0", "0", "right", "0", "wrong")],
    "tolerance": [
        item("0.0120", "0.0125", "wrong", "0.0125", "right"),
        item("\\frac13", "0.333", "wrong", "0.333", "right"),
    ],
    "gold": [item("x+\\pi", "x+\\pi", "right", "x+\\pi", "wrong"), item("161", "161", "right", "161", "wrong")],
    "unparsable": [item("a", "&&", "unparsable", "&&", "right")],
    "several": [item("1,2", "12", "wrong", "12", "right"), item("2,1", "\\{1,2\\}", "right", "\\{1,2\\}", "wrong")],
    "text": [item("live", "evil", "wrong", "evil", "right")],
    "other": [item("\\frac{7}{2}", "3\\frac{1}{2}", "right", "3\\frac{1}{2}", "wrong")],
}


def test_each_reason_has_an_example():
    assert list(TOLD) == list(REASONS)


@pytest.mark.parametrize("reason", TOLD)
def test_reasons_are_told(reason):
    assert [tell_reason(one) for one in TOLD[reason]] == [reason] * len(TOLD[reason])


def test_items_that_agree_or_have_one_verdict_are_left_out():
    both, alone = item("5", "5", "right", "5", "right"), replace(PERCENT, paper_outcome=None, paper_right=None)
    found = find_disagreements([both, PERCENT, alone])
    assert found == [Disagreement(PERCENT, "percent")]
    assert count_reasons(found) == {reason: int(reason == "percent") for reason in REASONS}


def test_graded_completions_disagree_where_the_published_rules_are_lenient():
    question = Question(id="1", question="?", answer="0.5", solution=None, source="test", language="en")
    texts = ["\\boxed{50}", "\\boxed{0.5}", "so 0.5"]
    with Grader() as grader:
        strict = grader.grade(texts, ["0.5"] * 3)
        paper = grade_as_published(grader, texts, [question] * 3, PAPER_RULES["gsm8k"], few_shot=False)
    pairs = zip(strict, paper, strict=True)
    items = [item("0.5", ours.answer, ours.outcome, theirs.answer, theirs.outcome) for ours, theirs in pairs]
    assert [one.reason for one in find_disagreements(items)] == ["percent", "extraction"]


class Elements(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen = []

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))


def test_the_page_shows_text_as_text_and_needs_nothing_else():
    hostile = '<script>alert("1")</script><img src="http://example.org/x">'
    bad = replace(PERCENT, completion=hostile, question=hostile, task=f"a{hostile}", label=hostile, question_id=hostile)
    page = disagreements_page(find_disagreements([bad]), [bad, PERCENT])
    elements = Elements()
    elements.feed(page)
    tags = [tag for tag, _ in elements.seen]
    assert tags.count("script") == 1
    assert "img" not in tags
    assert not any(name in ("src", "href") for _, attributes in elements.seen for name in attributes)
    (article,) = [attributes for tag, attributes in elements.seen if tag == "article"]
    assert article == {
        "data-task": f"a{hostile}",
        "data-reason": "percent",
        "data-model": hostile,
        "data-alone": "paper",
    }
    assert "1 of 2 graded completions" in page


def test_every_filter_of_the_page_is_a_property_of_its_articles():
    items = [one for examples in TOLD.values() for one in examples]
    page = disagreements_page(find_disagreements(items), items)
    elements = Elements()
    elements.feed(page)
    names = [attributes["name"] for tag, attributes in elements.seen if tag == "select"]
    articles = [attributes for tag, attributes in elements.seen if tag == "article"]
    assert len(articles) == len(items)
    for name in names:
        assert {attributes[f"data-{name}"] for attributes in articles} <= set(
            re.findall(r'<option value="([^"]*)"', page)
        )


def test_a_reason_is_shown_so_many_times_and_counted_whole():
    items = [replace(PERCENT, sample=sample) for sample in range(SHOWN + 5)]
    found = find_disagreements([*items, *TOLD["sign"]])
    assert len(shown_disagreements(found)) == SHOWN + len(TOLD["sign"])
    page = disagreements_page(found, items)
    assert page.count("<article") == SHOWN + len(TOLD["sign"])
    assert f"<td>{SHOWN + 5}</td>" in page


def test_page_and_table_are_logged(tmp_path):
    recipe = load_recipe("demo")
    with task_run(recipe, "evaluate") as run:
        log_disagreements(Job("evaluate", recipe, tmp_path, tmp_path, run), [PERCENT])
    assert "0.5" in (tmp_path / "disagreements.html").read_text(encoding="utf-8")
    (table,) = (tmp_path / "home").rglob("disagreements.json")
    assert json.loads(table.read_text())["data"][0][2] == "percent"
