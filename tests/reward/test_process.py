"""What the process model learns, and what it is measured on."""

import pytest

from mathmill.errors import UserError
from mathmill.recipe import Recipe
from mathmill.reward.completions import Labelled
from mathmill.reward.process import process_lessons
from mathmill.reward.reading import Reader


def recipe_of(context: int) -> Recipe:
    launch = {"processes": 1, "threads": 1}
    return Recipe.model_validate({"name": "t", "launch": launch, "model": {"context": context, "checkpoint": "x"}})


def labelled(question: str, *steps: str, held_out: bool = False) -> Labelled:
    return Labelled(question, list(steps), [1.0] * len(steps), held_out)


def test_what_cannot_be_learned_is_listed(tokenizer):
    given = [
        labelled("a", "1", "2"),
        labelled("b"),
        labelled("c", "1 + 1 = " + "9" * 60),
        labelled("d", "3", held_out=True),
        labelled("d", "4", "5"),
    ]
    reader = Reader("process", tokenizer, "")
    lessons = process_lessons(given, [{"line": 7, "reason": "?"}], {"completions": 8}, reader, recipe_of(64))
    assert lessons.learning == [(reader.steps("a", ["1", "2"], [1.0, 1.0]),)]
    # One source holds the question out, so nothing is learned from another source's solution to it.
    assert lessons.testing == [reader.steps("d", ["3"], [1.0]), reader.steps("d", ["4", "5"], [1.0, 1.0])]
    assert [(row["question"], row["held_out"]) for row in lessons.samples] == [("a", False), ("d", True), ("d", True)]
    reasons = [row["reason"] for row in lessons.rejected]
    assert reasons[:2] == ["?", "no step"]
    assert reasons[2].endswith("tokens are more than the context")
    assert (lessons.figures["samples"], lessons.figures["labelled_steps"], lessons.figures["completions"]) == (3, 5, 8)


def test_nothing_to_measure_on_is_a_user_error(tokenizer):
    reader = Reader("process", tokenizer, "")
    with pytest.raises(UserError, match="give 1 solutions to learn from and 0 to measure on"):
        process_lessons([labelled("a", "1")], [], {}, reader, recipe_of(64))
