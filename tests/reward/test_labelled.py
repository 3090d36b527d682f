"""Published labels of steps: genuine lines, and lines that are not as their layout promises."""

import json

import pytest

from mathmill.errors import UserError
from mathmill.recipe import Recipe
from mathmill.reward.labelled import math_shepherd, prm800k, read_labelled


def recipe_of(*sources, tasks=None, held_out=0.1):
    reward = {"kind": "process", "labelled": list(sources), "held_out": held_out}
    return Recipe.model_validate({"name": "t", "reward": reward, "evaluation": {"tasks": tasks or {}}})


@pytest.mark.shared
def test_genuine_math_shepherd_lines(shared_data):
    path = str(shared_data / "sft" / "reward" / "samples_math-shepherd.jsonl")
    rows, rejected = read_labelled(recipe_of({"path": path, "layout": "math_shepherd"}))
    assert rejected == []
    assert [len(row.steps) for row in rows] == [5, 3, 2, 5, 5, 2, 3]
    assert rows[0].question.startswith("Janet pays $40/hour")
    assert rows[0].question.endswith("than clarinet lessons in a year?")
    assert rows[0].steps[0] == ("Step 1: Janet spends 3 hours + 5 hours = <<3+5=8>>8 hours per week on music lessons.")
    assert rows[0].steps[-1].endswith("The answer is: 13520")
    assert rows[0].labels == [1, 1, 1, 1, 0]
    assert rows[1].labels == [0, 0, 0]
    assert sum(row.held_out for row in rows) == 1


@pytest.mark.shared
def test_genuine_prm800k_lines(shared_data):
    path = str(shared_data / "sft" / "reward" / "samples_prm800k.jsonl")
    rows, rejected = read_labelled(recipe_of({"path": path, "layout": "prm800k"}))
    assert rejected == []
    assert [row.labels for row in rows] == [
        [1, 1, 1, 1, 1, 1],
        [1, 1, 1, 1, 1, 1, 0],
        [1] * 5,
        [1] * 7,
        [1] * 8,
        [1] * 12,
    ]
    # The labeller found every offer wrong and wrote the step.
    assert rows[0].steps[1] == "We have $3p+e=1.24$ and $5p+e=1.82$."
    assert rows[0].steps[-1].endswith("# Answer\n\n29")
    assert rows[1].steps[-1].startswith("For the Democrats, there are 5! ways to order them")


SHEPHERD = {"input": "1+1? Step 1: 2 ки\nStep 2: so 2 ки", "label": "1+1? Step 1: 2 +\nStep 2: so 2 -"}


def test_math_shepherd_by_hand():
    row = math_shepherd(SHEPHERD)
    assert (row.question, row.steps, row.labels) == ("1+1?", ["Step 1: 2", "Step 2: so 2"], [1.0, 0.0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": "1+1? Step 1: 2 +\nStep 2: so 3 -"}, "does not repeat 'input' with + or - after step 2"),
        ({"label": "1+1? Step 1: 2 *\nStep 2: so 2 -"}, "after step 1"),
        ({"label": "1+1? Step 1: 2 +\nStep 2: so 2 "}, "after step 2"),
        ({"input": "1+1? Step 1: 2"}, "no step mark"),
        ({"input": "1+1? 2 ки"}, "no question before 'Step 1:'"),
        ({"input": "Step 1: 2 ки"}, "no question before 'Step 1:'"),
        ({"input": "1+1? Step 1: 2 ки\nки"}, "an empty step"),
        ({"input": "1+1? Step 1: 2 ки so"}, "text after the last step mark"),
    ],
)
def test_math_shepherd_lines_that_are_none(change, message):
    with pytest.raises(ValueError, match=message.replace("+", r"\+")):
        math_shepherd(SHEPHERD | change)


def offered(*ratings, chosen=0, human=None):
    completions = [{"text": f"s{number}", "rating": rating} for number, rating in enumerate(ratings)]
    human_completion = None if human is None else {"text": human}
    return {"completions": completions, "chosen_completion": chosen, "human_completion": human_completion}


def test_prm800k_by_hand():
    steps = [
        offered(0),
        offered(-1, chosen=None, human="better"),
        offered(-1, 1, chosen=1),
        offered(-1, 1, chosen=None),
    ]
    row = prm800k({"question": {"problem": " p "}, "label": {"steps": steps}})
    assert (row.question, row.steps, row.labels) == ("p", ["s0", "better", "s1", "s0"], [1.0, 1.0, 1.0, 0.0])


@pytest.mark.parametrize(
    ("steps", "message"),
    [([], "no rated steps"), (None, "no rated steps"), ([offered(1), offered(None)], "step 2 has")],
)
def test_prm800k_lines_without_ratings(steps, message):
    with pytest.raises(ValueError, match=message):
        prm800k({"question": {"problem": "p"}, "label": {"steps": steps}})


def test_bad_lines_are_listed_and_evaluation_questions_left_out(tmp_path):
    asked = tmp_path / "asked.jsonl"
    asked.write_text(json.dumps({"question": "1+1?", "answer": "2"}))
    other = {name: text.replace("1+1?", "3-1?") for name, text in SHEPHERD.items()}
    file = tmp_path / "steps.jsonl"
    lines = [json.dumps(SHEPHERD), "{", json.dumps({"input": "x"}), "", json.dumps([1]), json.dumps(other)]
    file.write_text("\n".join(lines), encoding="utf-8")
    tasks = {"asked": {"kind": "file", "path": str(asked)}}
    rows, rejected = read_labelled(recipe_of({"path": str(file), "layout": "math_shepherd"}, tasks=tasks))
    assert [row.question for row in rows] == ["3-1?"]
    assert [(one["line"], one["reason"].split(":")[0]) for one in rejected] == [
        (1, "evaluation question"),
        (2, "Expecting property name enclosed in double quotes"),
        (3, "'input' has no step mark ки"),
        (5, "a line is a JSON object, this is list"),
    ]


def test_a_file_that_is_not_there_is_a_user_error(tmp_path):
    with pytest.raises(UserError, match=r"nowhere\.jsonl: cannot read these labelled steps: No such file"):
        read_labelled(recipe_of({"path": str(tmp_path / "nowhere.jsonl"), "layout": "prm800k"}))
