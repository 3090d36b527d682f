"""Accuracy by level and subject, by hand."""

from mathmill.evaluation.accuracy import Proportion
from mathmill.evaluation.breakdown import Part, breakdown
from tests.evaluation.items import item as graded


def item(label, question, right, *, task="math", sample=0, **more):
    return graded(label, task, question, sample, right, **more)


def test_parts_hold_the_questions_that_share_a_level_or_a_subject():
    items = [
        item("base", "a", True, level="2", subject="Geometry"),
        item("base", "a", False, level="2", subject="Geometry", sample=1),
        item("base", "b", False, level="2", subject="Algebra"),
        item("base", "b", False, level="2", subject="Algebra", sample=1),
        item("base", "c", True, subject="Algebra"),
        item("base", "c", True, subject="Algebra", sample=1),
        item("rl", "a", True, level="2", subject="Geometry"),
        item("rl", "c", True, subject="Algebra"),
        item("rl", "d", True, task="gsm8k"),
    ]
    assert breakdown(items) == [
        Part("math", "level", "2", "base", 2, Proportion.of(1 / 4, 2)),
        Part("math", "level", "2", "rl", 1, Proportion.of(1.0, 1)),
        Part("math", "subject", "Algebra", "base", 2, Proportion.of(2 / 4, 2)),
        Part("math", "subject", "Algebra", "rl", 1, Proportion.of(1.0, 1)),
        Part("math", "subject", "Geometry", "base", 1, Proportion.of(1 / 2, 1)),
        Part("math", "subject", "Geometry", "rl", 1, Proportion.of(1.0, 1)),
    ]


def test_levels_stand_in_the_order_of_their_numbers():
    items = [item("base", f"q{level}", True, level=level) for level in ("10", "?", "2", "grade 12", "1", "grade 3")]
    assert [part.value for part in breakdown(items)] == ["1", "2", "10", "?", "grade 3", "grade 12"]
