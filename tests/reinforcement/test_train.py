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
    rows = [{"id": str(n), "question": f"What{'?' * (n % 3 + 1)} {n}", "answer": "2"} for n in range(10)]
    (tmp_path / "questions.jsonl").write_text("\n".join(map(json.dumps, rows)))
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

    job = subprocess.Popen(command(tmp_path, killed), start_new_session=True, cwd=tmp_path)
    wait_until((tmp_path / "killed.partial" / "checkpoints" / "latest").is_file, job)
    kill_all(job)
    subprocess.run(command(tmp_path, killed), check=True, cwd=tmp_path)
    ours, theirs = load_file(clean / "model.safetensors"), load_file(killed / "model.safetensors")
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
    for step in range(1, STEPS + 1):
        file = f"samples/step-{step:06d}.parquet"
        assert pq.read_table(clean / file).equals(pq.read_table(killed / file))
