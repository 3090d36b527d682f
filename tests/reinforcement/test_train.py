"""Reinforcement on two real ranks: the reward rises, and a killed job ends as a clean one does."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from safetensors.numpy import load_file
from transformers import AutoModelForCausalLM

from mathmill.job_record import JobRecord
from mathmill.reinforcement.loop import VALIDATION_SAMPLES
from mathmill.tracking.server import tracking_client
from tests.boxing_policy import save_instruct
from tests.processes import kill_all, wait_until

STEPS = 12
RECIPE = {
    "name": "tiny",
    "launch": {"processes": 2, "threads": 1},
    "deepspeed": {"zero_optimization": {"stage": 1}},
    "prompt": {"suffix": ""},
    "pretrain": {"batch_tokens": 32768},
    "reinforce": {
        "questions": [{"kind": "file", "path": "questions.jsonl"}],
        "rewards": [{"kind": "rule"}],
        "group": 8,
        "questions_per_step": 4,
        "steps": STEPS,
        "updates": 2,
        "micro_batch": 6,
        "checkpoint_steps": 3,
        "sampling": {"max_new_tokens": 8},
        "optimizer": {"learning_rate": 0.003},
    },
}


@pytest.fixture
def instruct(tmp_path: Path) -> Path:
    """A model that answers 1, 2 or 3 with nearly equal probability."""
    return save_instruct(tmp_path / "instruct")


def command(folder: Path, out: Path) -> list[str]:
    arguments = ["train", "rl", "--recipe", str(folder / "tiny.yaml"), "--model", str(folder / "instruct")]
    return [sys.executable, "-m", "mathmill.cli", *arguments, "--out", str(out)]


@pytest.mark.slow
def test_the_reward_rises_and_a_killed_job_ends_as_a_clean_one(tmp_path: Path, instruct: Path) -> None:
    _write_questions(tmp_path)
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(RECIPE))
    clean, killed = tmp_path / "clean", tmp_path / "killed"
    subprocess.run(command(tmp_path, clean), check=True, cwd=tmp_path)

    figures = json.loads((clean / "job.json").read_text())["figures"]
    assert figures["accuracy_first"] < 0.7
    assert figures["accuracy_last"] > figures["accuracy_first"] + 0.25
    first = pq.read_table(clean / "samples" / "step-000001.parquet").to_pandas()
    assert len(first) == 32
    assert (first.groupby("question_id").size() == 8).all()
    rewards = first.reward.to_numpy().reshape(4, 8)
    spread = np.where(rewards.std(1) > 0, rewards.std(1), 1.0)[:, None]
    expected = (rewards - rewards.mean(1, keepdims=True)) / spread
    np.testing.assert_allclose(first.coefficient.to_numpy().reshape(4, 8), expected, atol=1e-4)
    assert json.loads((clean / "mathmill.json").read_text())["role"] == "rl"
    AutoModelForCausalLM.from_pretrained(clean)

    _kill_and_resume(tmp_path, clean, killed)


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        {"algorithm": "ppo", "lag": 1, "order": "pass_rate", "updates": 1},
        {"iterations": 2, "preset": "modern", "kl_coefficient": 0.04},
    ],
    ids=["PPO that is drawn ahead for", "iterations with a new reference"],
)
def test_what_is_beside_the_policy_survives_a_kill(tmp_path: Path, instruct: Path, settings: dict[str, object]) -> None:
    """The critic, samples drawn ahead, shares of right answers, the second reference and validations."""
    _write_questions(tmp_path)
    validation = {"questions": {"kind": "file", "path": "held_out.jsonl"}, "steps": 4, "samples": 2}
    validation["sampling"] = {"max_new_tokens": 8, "temperature": 0.7}
    changed = {"steps": 8, "validation": validation, "checkpoint_steps": 1, **settings}
    recipe = {**RECIPE, "launch": {"processes": 1, "threads": 1}, "reinforce": {**RECIPE["reinforce"], **changed}}
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(recipe))
    clean, killed = tmp_path / "clean", tmp_path / "killed"
    subprocess.run(command(tmp_path, clean), check=True, cwd=tmp_path)
    _kill_and_resume(tmp_path, clean, killed, step=6)
    histories = [json.loads((folder / "history.json").read_text()) for folder in (clean, killed)]
    assert histories[0]["validations"] == histories[1]["validations"]
    assert [one["step"] for one in histories[0]["validations"]] == [0, 4, 8]
    timed = ("seconds/", "tokens_per_second")
    ours, theirs = (
        [{name: value for name, value in step.items() if not name.startswith(timed)} for step in history["steps"]]
        for history in histories
    )
    assert ours == theirs
    tables = [_validation_samples(folder) for folder in (clean, killed)]
    assert tables[0] == tables[1]
    assert [(row["step"], row["question"]) for row in tables[0]] == [
        (step, f"What of {n}") for step in (0, 4, 8) for n in range(4)
    ]
    assert {row["outcome"] == "right" for row in tables[0] if row["answer"] == row["gold"]} == {True}


def _validation_samples(folder: Path) -> list[dict[str, object]]:
    """The table in MLflow of what was answered in validations."""
    record = JobRecord.read(folder)
    table = tracking_client().load_table(record.mlflow_experiment_id, VALIDATION_SAMPLES, [record.mlflow_run_id])
    rows: list[dict[str, object]] = table.to_dict("records")
    return rows


def _write_questions(folder: Path) -> None:
    rows = [{"id": str(n), "question": f"What{'?' * (n % 3 + 1)} {n}", "answer": "2"} for n in range(10)]
    (folder / "questions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    rows = [{"id": f"v{n}", "question": f"What of {n}", "answer": "2"} for n in range(4)]
    (folder / "held_out.jsonl").write_text("\n".join(map(json.dumps, rows)))


def _kill_and_resume(folder: Path, clean: Path, killed: Path, step: int = 1) -> None:
    """Kill a job once it has a checkpoint of `step` or later, resume it, and compare with the clean one's output."""
    latest = folder / "killed.partial" / "checkpoints" / "latest"
    job = subprocess.Popen(command(folder, killed), start_new_session=True, cwd=folder)
    wait_until(lambda: latest.is_file() and int(latest.read_text().split("-")[1]) >= step, job)
    kill_all(job)
    subprocess.run(command(folder, killed), check=True, cwd=folder)
    ours, theirs = load_file(clean / "model.safetensors"), load_file(killed / "model.safetensors")
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
    for file in sorted(path.name for path in (clean / "samples").iterdir()):
        assert pq.read_table(clean / "samples" / file).equals(pq.read_table(killed / "samples" / file))
