"""Two methods with two seeds, trained, evaluated and compared for real."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from operators.job import DeepSpeedJobOperator
from operators.methods import reinforcements
from operators.plan import Plan
from tests.boxing_policy import save_instruct

RECIPE = {
    "name": "tiny",
    "launch": {"processes": 1, "threads": 1},
    "deepspeed": {"zero_optimization": {"stage": 0}},
    "prompt": {"suffix": ""},
    "reinforce": {
        "questions": [{"kind": "file", "path": "questions.jsonl"}],
        "group": 8,
        "questions_per_step": 4,
        "steps": 6,
        "sampling": {"max_new_tokens": 8},
        "optimizer": {"learning_rate": 0.003},
    },
    "evaluation": {
        "tasks": {"held_out": {"kind": "file", "path": "held_out.jsonl"}},
        "samples": 4,
        "sampling": {"temperature": 1.0, "max_new_tokens": 8},
    },
}


def _mathmill(*arguments: object) -> None:
    subprocess.run([sys.executable, "-m", "mathmill.cli", *map(str, arguments)], check=True)


def _questions(file: Path, count: int) -> None:
    rows = [{"id": str(n), "question": f"What, {file.stem} {n}?", "answer": "2"} for n in range(count)]
    file.write_text("\n".join(map(json.dumps, rows)))


@pytest.mark.slow
def test_methods_from_the_form_to_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _questions(tmp_path / "questions.jsonl", 12)
    _questions(tmp_path / "held_out.jsonl", 20)
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(yaml.safe_dump(RECIPE))
    instruct = save_instruct(tmp_path / "instruct")
    plan = Plan(str(recipe), "tiny", {}, str(tmp_path / "run"), {"instruct": str(instruct)})
    params: dict[str, Any] = {"methods": ["rft", "grpo_rule"], "seeds": [0, 1], "variants": None}
    runs = reinforcements(plan, params)
    for run in runs:
        operator = DeepSpeedJobOperator(task_id="rl", stage="rl", **run)
        _mathmill("train", "rl", *operator.job_arguments(plan))
    models = [Path(run["out"]) for run in runs]
    first, evaluation = tmp_path / "comparison", tmp_path / "evaluation"
    _mathmill("evaluate", "--recipe", recipe, "--out", evaluation, "--model", instruct, *models)
    _mathmill("compare", "--recipe", recipe, "--out", first, "--evaluation", evaluation, "--model", *models)

    histories = [json.loads((model / "history.json").read_text()) for model in models]
    assert [one["seed"] for one in histories] == [0, 0, 1, 1]
    start = {(one["seed"], one["validations"][0]["validation/accuracy"]) for one in histories}
    assert len(start) == 2, "every method begins with the same model"
    assert histories[1]["steps"] != histories[3]["steps"], "another seed draws other samples"
    rows = json.loads((first / "comparison.json").read_text())
    assert [row["method"] for row in rows] == ["instruct", "rft", "grpo_rule"]
    for row in rows[1:]:
        assert (row["seeds"], row["samples"]) == ("0, 1", 6 * 4 * 8)
        assert row["gain/held_out"] > 0.2
    (line,) = json.loads((first / "order.json").read_text())
    assert {line["better"], line["worse"]} == {"rft", "grpo_rule"}
