"""Which question sets a name stands for."""

import pytest
import yaml

from mathmill.errors import UserError
from mathmill.evaluation.tasks import choose_tasks
from mathmill.questions import load_questions
from mathmill.recipe_file import load_recipe


@pytest.fixture
def task_path(tmp_path):
    (tmp_path / "own.jsonl").write_text('{"question": "1+1?", "answer": "2"}\n{"question": "1+2?", "answer": "3"}\n')
    path = tmp_path / "own.yaml"
    source = {"kind": "file", "path": str(tmp_path / "own.jsonl")}
    path.write_text(yaml.safe_dump({"source": source, "file": "own.jsonl", "tolerance": 0.1}))
    return str(path)


def test_the_recipes_own_tasks_are_the_default():
    (task,) = choose_tasks(load_recipe("demo"), None, None, limit=5)
    assert task.name == "sums"
    assert task.source.size == 5


def test_a_task_is_one_file(task_path):
    (task,) = choose_tasks(load_recipe("demo"), task_path, None)
    assert (task.name, task.recipe.tolerance) == ("own", 0.1)
    assert [question.answer for question in load_questions(task.source)] == ["2", "3"]


def test_questions_are_taken_from_the_folder_of_published_sets(task_path, tmp_path):
    (task,) = choose_tasks(load_recipe("demo"), task_path, tmp_path, limit=1)
    assert task.source.path == str(tmp_path / "own.jsonl")
    assert len(load_questions(task.source)) == 1


def test_an_unknown_name_is_refused():
    with pytest.raises(UserError, match="no task 'products': there are sums"):
        choose_tasks(load_recipe("demo"), "sums,products", None)


def test_a_folder_alone_says_nothing(tmp_path):
    with pytest.raises(UserError, match="--data needs --tasks"):
        choose_tasks(load_recipe("demo"), None, tmp_path)
