"""Which questions are trained on, and when."""

import json
from collections import Counter

import pytest

from mathmill.errors import UserError
from mathmill.questions import load_questions
from mathmill.recipe import Recipe
from mathmill.reinforcement.questions import Selection, training_questions, validation_questions

CHAIN = {"kind": "reasoning_gym", "generator": "chain_sum", "size": 40, "config": {"max_terms": 2, "max_digits": 1}}


def make_recipe(**reinforce) -> Recipe:
    settings = {"questions": [CHAIN | {"seed": 1}], "group": 2, "questions_per_step": 8, **reinforce}
    tasks = {"chain_sum": CHAIN | {"seed": 1000}}
    launch = {"processes": 1, "threads": 1}
    values = {"name": "t", "launch": launch, "reinforce": settings, "evaluation": {"tasks": tasks}}
    return Recipe.model_validate(values)


def test_no_question_of_evaluation_or_validation_is_trained_on():
    # There are only 200 sums of two digits, so that 40 drawn from each of several seeds share some.
    recipe = make_recipe(validation={"questions": CHAIN | {"seed": 2000}})
    plain = make_recipe().model_copy(update={"evaluation": Recipe(name="t").evaluation})
    held_out = {one.question for one in load_questions(recipe.evaluation.tasks["chain_sum"])}
    validated = {one.question for one in validation_questions(recipe)}
    everything = [one.question for one in training_questions(plain)]
    assert held_out & set(everything)
    assert validated & set(everything) - held_out
    wanted = [one for one in everything if one not in held_out | validated]
    assert [one.question for one in training_questions(recipe)] == wanted


def test_too_few_questions_is_a_user_error():
    with pytest.raises(UserError, match=r"recipe t: reinforce.questions hold \d+ questions"):
        training_questions(make_recipe(questions_per_step=64))


def test_questions_without_solutions_cannot_be_tuned_on(tmp_path):
    rows = [{"id": str(number), "question": f"What is {number}?", "answer": str(number)} for number in range(8)]
    (tmp_path / "questions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    source = {"kind": "file", "path": str(tmp_path / "questions.jsonl")}
    with pytest.raises(UserError, match=r"question \S+ has no solution, which algorithm sft learns"):
        training_questions(make_recipe(algorithm="sft", questions=[source]))


def test_passes_take_every_question_once():
    selection = Selection(16, make_recipe())
    assert sorted(selection.of_step(0) + selection.of_step(1)) == list(range(16))
    assert selection.of_step(0) != selection.of_step(0, attempt=1)


def test_questions_that_are_always_right_come_seldom():
    """By 1 - share: 8 of 16 questions at 100% keep the least weight, 2%, of those at 0%."""
    selection = Selection(16, make_recipe(order="pass_rate", questions_per_step=4))
    selection.learn((index, 1.0) for index in range(8))
    counts = Counter(index for step in range(300) for index in selection.of_step(step))
    solved = sum(counts[index] for index in range(8))
    assert 0 < solved < 0.06 * 1200
    assert all(len(set(selection.of_step(step))) == 4 for step in range(20))
    assert Selection(16, make_recipe(order="pass_rate"), selection.shares).of_step(3) != list(range(8))
