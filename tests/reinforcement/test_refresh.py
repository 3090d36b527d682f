"""Reward models that learn on between iterations, by the command as a user gives it."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.numpy import load_file
from transformers import LlamaConfig, LlamaForSequenceClassification, LlamaForTokenClassification

from mathmill.recipe import Recipe
from mathmill.reinforcement.refresh import replayed
from mathmill.training.model_directory import ModelRecord, save_model
from tests.boxing_policy import boxing_policy

HEADS = {"outcome": LlamaForSequenceClassification, "process": LlamaForTokenClassification}
HISTORY = {
    "outcome": {"question_id": "h", "question": "Old?", "gold": "1", "solution": r"\boxed{1}", "right": True},
    "process": {"question": "Old?", "steps": ["1 + 1", r"\boxed{2}"], "labels": [1.0, 0.0]},
}
RECIPE = {
    "name": "tiny",
    "launch": {"processes": 1, "threads": 1},
    "deepspeed": {"zero_optimization": {"stage": 0}},
    "prompt": {"suffix": ""},
    "pretrain": {"batch_tokens": 32768},
    "reward": {"batch": 8, "micro_batch": 8, "completions": 2, "optimizer": {"learning_rate": 0.01}},
    "reinforce": {
        "questions": [{"kind": "file", "path": "questions.jsonl"}],
        "rewards": [{"kind": "outcome_model"}, {"kind": "process_model"}],
        "supervision": "process",
        "group": 8,
        "questions_per_step": 3,
        "steps": 4,
        "iterations": 2,
        "refresh": {"replay": 0.2, "samples": 40},
        "micro_batch": 24,
        "sampling": {"max_new_tokens": 8},
        "optimizer": {"learning_rate": 0.001},
    },
}


def make_reward_model(folder: Path, kind: str) -> None:
    """A random reward model with ten historical rows, of which five were held out."""
    _, tokenizer = boxing_policy()
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_labels=1,
        pad_token_id=tokenizer.pad_token_id,
    )
    config.classifier_dropout = 0.0
    save_model(HEADS[kind](config), tokenizer, folder, ModelRecord("reward", "tiny", "0" * 64, None, None, "", kind))
    rows = [{**HISTORY[kind], "held_out": number % 2 == 0} for number in range(10)]
    (folder / "samples.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))


@pytest.mark.slow
def test_reward_models_learn_on_between_iterations(tmp_path: Path) -> None:
    model, tokenizer = boxing_policy()
    save_model(model, tokenizer, tmp_path / "instruct", ModelRecord("instruct", "tiny", "0" * 64, None, None, ""))
    for kind in HEADS:
        make_reward_model(tmp_path / kind, kind)
    rows = [{"id": str(n), "question": f"What {n}?", "answer": "2"} for n in range(6)]
    (tmp_path / "questions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(RECIPE))
    models = ["--model", "instruct", "--reward", "outcome", "--process-reward", "process"]
    command = [sys.executable, "-m", "mathmill.cli", "train", "rl", "--recipe", "tiny.yaml", *models, "--out", "rl"]
    subprocess.run(command, check=True, cwd=tmp_path)
    for kind in HEADS:
        old, new = tmp_path / kind, tmp_path / "rl" / f"{kind}_model-2"
        record = json.loads((new / "mathmill.json").read_text())
        assert (record["role"], record["kind"], record["parent_model"]) == ("reward", kind, kind)
        before, after = (load_file(folder / "model.safetensors") for folder in (old, new))
        assert any(not np.array_equal(before[name], after[name]) for name in before)
        learned = [json.loads(line) for line in (new / "samples.jsonl").read_text().splitlines()]
        asked = Counter(row["question"] for row in learned)
        # All it knew, and the newest 40 of the 48 samples of the first iteration.
        assert asked.pop("Old?") == 10
        assert sum(asked.values()) == 40
        assert asked.keys() <= {row["question"] for row in rows}
    assert not (tmp_path / "rl" / "outcome_model-3").exists()


def test_a_tenth_of_what_is_learned_is_historical():
    known = [{"number": number, "held_out": number < 20} for number in range(100)]
    recipe = Recipe.model_validate({"name": "t"})
    chosen = replayed(known, 90, recipe)
    assert len(chosen) == 10
    assert len({row["number"] for row in chosen} - set(range(20))) == 10
    assert replayed(known, 90, recipe) == chosen
    assert len(replayed(known, 9000, recipe)) == 80
