"""Task files: what they say is what is asked; a mistake in one is one line."""

import pytest
import yaml

from mathmill.errors import UserError
from mathmill.questions import load_questions
from mathmill.questions.benchmarks import source_items
from mathmill.recipe_questions import FileSource, HuggingFaceSource, TaskSource
from mathmill.task_file import load_task, task_names, task_source

TASK = {
    "source": {"kind": "huggingface", "id": "somebody/sums", "layout": "mawps"},
    "file": "sums/test.jsonl",
    "few_shot": {
        "cot": {
            "template": "Q: {question}\nA:",
            "answer": "The answer is (.+)\\.$",
            "shots": [{"question": "1+1?", "answer": "2", "solution": "The answer is 2."}],
        }
    },
}


@pytest.fixture
def write(tmp_path):
    def write(name="sums", **changes):
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump({**TASK, **changes}), encoding="utf-8")
        return str(path)

    return write


def test_questions_come_from_the_hub_or_from_the_folder_of_published_sets(write):
    task = load_task(write())
    assert task_source(task, "sums", None, None) == HuggingFaceSource(
        kind="huggingface", id="somebody/sums", layout="mawps"
    )
    assert task_source(task, "sums", "/data", 50) == FileSource(
        kind="file", path="/data/sums/test.jsonl", layout="mawps", limit=50
    )


def test_the_file_may_be_laid_out_in_a_way_of_its_own(write):
    task = load_task(write(file_layout="gsm8k"))
    assert task_source(task, "sums", "/data", None).layout == "gsm8k"


def test_a_recipe_may_name_a_task_where_it_names_questions(write, tmp_path):
    folder = tmp_path / "sums"
    folder.mkdir()
    (folder / "test.jsonl").write_text('{"input": "1+1?", "target": 2}\n{"input": "1+2?", "target": 3}\n')
    source = TaskSource(kind="task", task=write(), data=str(tmp_path), limit=1)
    assert [(one.question, one.answer) for one in load_questions(source)] == [("1+1?", "2")]
    assert [one.benchmark for one in source_items(source)] == ["sums/test.jsonl"]


def test_another_tasks_examples_may_serve(write, tmp_path):
    other = write("other", few_shot={}, few_shot_of=write())
    assert load_task(other).few_shot == load_task(write()).few_shot


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sauce": 1}, "unknown key 'sauce': did you mean 'source'?"),
        (
            {"few_shot": {}, "few_shot_of": "no-such-task"},
            "no task 'no-such-task': give a path that ends in .yaml, or one of",
        ),
        ({"tolerance": 1.5}, "tolerance: Input should be less than 1, got 1.5"),
        (
            {"few_shot": {"cot": {"template": "Q:", "shots": []}}},
            "few_shot.cot: template has no {question}: write it where the question goes",
        ),
        (
            {"few_shot": {"cot": {"template": "{question}", "answer": "is .+", "shots": []}}},
            "answer has 0 groups, and the one group is the answer: write (…) around it",
        ),
    ],
)
def test_a_mistake_is_one_line_with_the_file_and_the_key(write, changes, message):
    path = write(**changes)
    with pytest.raises(UserError) as error:
        load_task(path)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_examples_of_a_task_without_its_own_are_refused(write):
    second = write("second", few_shot={}, few_shot_of=write())
    with pytest.raises(UserError, match="name that one"):
        load_task(write("third", few_shot={}, few_shot_of=second))


def test_a_task_without_a_file_cannot_be_read_from_a_folder(write):
    with pytest.raises(UserError, match="task 'sums' names no `file` below /data"):
        task_source(load_task(write(file=None)), "sums", "/data", None)


def test_every_task_of_the_project_is_one():
    for name in task_names():
        load_task(name)
