"""Completions are drawn once, by however many processes, and a killed job goes on where it was."""

import json
import os
import signal
import subprocess
import sys
import time

import pyarrow.parquet as pq
import pytest

from mathmill.errors import UserError
from mathmill.evaluation import drawing, evaluate
from mathmill.evaluation.drawing import draw
from mathmill.evaluation.drawing_plan import plan_drawing
from mathmill.evaluation.models import choose_models
from mathmill.evaluation.tasks import choose_tasks
from mathmill.recipe_file import load_recipe

RECIPE = """
name: tiny
evaluation:
  sampling: {temperature: 0.9, max_new_tokens: 12}
  batch: 2
  tasks:
    sums: {kind: file, path: PATH}
"""


@pytest.fixture
def recipe_path(tmp_path):
    questions = tmp_path / "sums.jsonl"
    questions.write_text("".join(f'{{"question": "{n}+{n}?", "answer": "{2 * n}"}}\n' for n in range(30)))
    path = tmp_path / "tiny.yaml"
    path.write_text(RECIPE.replace("PATH", str(questions)), encoding="utf-8")
    return str(path)


@pytest.fixture
def plan(recipe_path, make_model):
    models = [make_model("instruct"), make_model("rl")]

    def plan(processes=1):
        recipe = load_recipe(recipe_path, [f"evaluation.processes={processes}"])
        return plan_drawing(
            recipe, choose_models(recipe, models), choose_tasks(recipe, None, None), form="cot", samples=2, reward=None
        )

    return plan


def test_two_processes_draw_what_one_does(plan, tmp_path):
    alone = draw(*plan(), tmp_path / "one", None)
    assert [[len(task) for task in model] for model in alone] == [[30], [30]]
    assert all(len(row.completions) == 2 and row.prompt.endswith("Assistant:") for row in alone[0][0])
    assert draw(*plan(2), tmp_path / "two", None) == alone
    # Four questions make a portion: eight portions a model, every other one by the second process.
    assert len(list((tmp_path / "two").glob("*-*-*.json"))) == 16


def test_nothing_is_drawn_twice(plan, tmp_path, monkeypatch):
    whole = draw(*plan(), tmp_path / "whole", None)
    write, written = drawing.write_portion, []

    def write_three(path, rows):
        if len(written) == 3:
            raise KeyboardInterrupt
        written.append(path)
        write(path, rows)

    monkeypatch.setattr(drawing, "write_portion", write_three)
    with pytest.raises(KeyboardInterrupt):
        draw(*plan(), tmp_path / "cut", None)
    first = {path: path.stat().st_mtime_ns for path in written}
    monkeypatch.setattr(drawing, "write_portion", write)
    assert draw(*plan(), tmp_path / "cut", None) == whole
    assert {path: path.stat().st_mtime_ns for path in written} == first


def test_a_process_that_cannot_draw_ends_the_job(plan, tmp_path, capfd):
    two, questions = plan(2)
    (tmp_path / "sums.jsonl").unlink()
    with pytest.raises(UserError, match="process 1 of 2 could not draw"):
        draw(two, questions, tmp_path / "out", None)
    assert "cannot read these questions" in capfd.readouterr().err


def test_other_questions_are_not_mixed_in(plan, tmp_path):
    draw(*plan(), tmp_path / "out", None)
    with (tmp_path / "sums.jsonl").open("a") as file:
        file.write('{"question": "1-1?", "answer": "0"}\n')
    with pytest.raises(UserError, match="the questions of task 'sums' have changed"):
        draw(*plan(), tmp_path / "out", None)


def test_a_killed_evaluation_goes_on(recipe_path, make_model, tmp_path):
    arguments = ["--recipe", recipe_path, "--model", str(make_model("rl"))]
    assert evaluate.main([*arguments, "--out", str(tmp_path / "whole")]) == 0
    out = tmp_path / "killed"
    command = [sys.executable, "-m", "mathmill.evaluation.evaluate", *arguments, "--out", str(out)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    portions = out.with_name("killed.partial") / evaluate.DRAWN
    while not list(portions.glob("*-*-*.json")):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "portions had been drawn before" in again.stderr
    assert pq.read_table(out / "items.parquet") == pq.read_table(tmp_path / "whole" / "items.parquet")
    runs = {json.loads((folder / "job.json").read_text())["mlflow_run_id"] for folder in (out, tmp_path / "whole")}
    assert len(runs) == 2
