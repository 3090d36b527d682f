"""What models are asked."""

from pathlib import Path

from mathmill.evaluation.models import EvaluatedModel
from mathmill.evaluation.prompts import few_shot_for, few_shot_text, read_answer, recipe_few_shot
from mathmill.evaluation.tasks import Task
from mathmill.recipe_file import load_recipe
from mathmill.recipe_questions import FileSource
from mathmill.recipe_tasks import FewShotRecipe, TaskRecipe

COT = FewShotRecipe(
    template="Q: {question}\nA:",
    stop=["\nQ:"],
    answer=r"answer is (.+?)\.?$",
    shots=[{"question": "{1}?", "answer": "1", "solution": "The answer is 1."}],
)
SOURCE = FileSource(kind="file", path="sums.jsonl")
TASK = Task(name="sums", recipe=TaskRecipe(source=SOURCE, few_shot={"cot": COT}), source=SOURCE)


def test_a_question_follows_the_solved_ones():
    assert few_shot_text(COT, "What is \\frac{1}{2}?") == "Q: {1}?\nA: The answer is 1.\n\nQ: What is \\frac{1}{2}?\nA:"


def test_only_base_models_are_shown_examples():
    for role, shown in [("base", COT), ("instruct", None), ("rl", None)]:
        assert few_shot_for(EvaluatedModel(Path("/model"), role, role), TASK, "cot", None) == shown


def test_without_examples_of_the_form_those_of_tuning_are_shown():
    recipe = load_recipe("demo")
    shown = few_shot_for(EvaluatedModel(Path("/model"), "base", "base"), TASK, "pot", recipe_few_shot(recipe, "pot"))
    assert shown.template.startswith("User: {question}")
    assert shown.stop == ["User:"]


def test_the_last_answer_of_the_form_counts():
    assert read_answer("The answer is 3.\nNo, the answer is $4$.\nQ", COT) == "$4$"
    assert read_answer("\\boxed{3}", COT) is None
    assert read_answer("The answer is 3, \\boxed{5}", None) == "5"
