"""Both kinds of reward model on two real ranks: labels are what was drawn, and a kill changes nothing."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from safetensors.numpy import load_file
from transformers import (
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
)

from mathmill.training import reward
from mathmill.training.chat import answer_ids, prompt_ids
from mathmill.training.model_directory import ModelRecord, save_model
from tests.boxing_policy import boxing_policy
from tests.processes import kill_all, wait_until

SAMPLES = 6
RECIPE: dict[str, Any] = {
    "name": "tiny",
    "launch": {"processes": 2, "threads": 1},
    "deepspeed": {"zero_optimization": {"stage": 1}},
    "prompt": {"suffix": ""},
    "pretrain": {"batch_tokens": 32768},
    "evaluation": {"batch": 1},
    "reward": {
        "questions": [{"kind": "file", "path": "questions.jsonl"}],
        "samples": SAMPLES,
        "completions": 4,
        "sampling": {"max_new_tokens": 24},
        "held_out": 0.25,
        "epochs": 6,
        "batch": 8,
        "micro_batch": 2,
        "checkpoint_steps": 5,
        "optimizer": {"learning_rate": 0.003},
    },
}
QUESTIONS = [f"What {number:02}?" for number in range(20)]
SOLUTIONS = [
    "take 1\n\\boxed{1}",
    "take 2\n\\boxed{2}",
    "take 3\n\\boxed{3}",
    "take 2\n\\boxed{1}",
    "take 3\n\\boxed{2}",
]
"""What the instruct model is taught to write, each with the same probability; 2 is always right."""


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    """A recipe, questions, and an instruct model with the base that it was tuned from."""
    model, tokenizer = boxing_policy()
    save_model(model, tokenizer, tmp_path / "base", ModelRecord("base", "tiny", "0" * 64, None, None, ""))
    rows = [
        prompt_ids(tokenizer, question, "") + answer_ids(tokenizer, solution)
        for question in QUESTIONS[:3]
        for solution in SOLUTIONS
    ]
    ids = torch.tensor(rows)
    labels = ids.masked_fill(torch.arange(ids.shape[1]) < len(prompt_ids(tokenizer, QUESTIONS[0], "")), -100)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    for _ in range(150):
        model(input_ids=ids, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    record = ModelRecord("instruct", "tiny", "0" * 64, str(tmp_path / "base"), None, "")
    save_model(model, tokenizer, tmp_path / "instruct", record)
    questions = [{"id": one, "question": one, "answer": "2"} for one in QUESTIONS]
    (tmp_path / "questions.jsonl").write_text("\n".join(map(json.dumps, questions)))
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(RECIPE))
    return tmp_path


def command(folder: Path, out: Path, *more: str) -> list[str]:
    arguments = ["train", "reward", "--recipe", str(folder / "tiny.yaml"), "--model", str(folder / "instruct")]
    return [sys.executable, "-m", "mathmill.cli", *arguments, "--out", str(out), *more]


def run_twice(folder: Path, parts: str, *more: str) -> tuple[Path, Path]:
    """A clean output, and one whose job was killed between two parts of what it drew and then started again."""
    clean, killed = folder / "clean", folder / "killed"
    subprocess.run(command(folder, clean, *more), check=True, cwd=folder)
    job = subprocess.Popen(command(folder, killed, *more), start_new_session=True, cwd=folder)
    place = folder / "killed.partial" / parts
    wait_until(lambda: place.is_dir() and any(place.glob("0*.jsonl")), job)
    kill_all(job)
    assert len(list(place.glob("0*.jsonl"))) < len(list((clean / parts).iterdir()))
    subprocess.run(command(folder, killed, *more), check=True, cwd=folder)
    return clean, killed


def assert_same(clean: Path, killed: Path, folders: list[str]) -> None:
    ours, theirs = load_file(clean / "model.safetensors"), load_file(killed / "model.safetensors")
    assert ours.keys() == theirs.keys()
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
    assert figures_of(clean) == figures_of(killed)
    for path in [
        "samples.jsonl",
        *(f"{folder}/{file.name}" for folder in folders for file in (clean / folder).iterdir()),
    ]:
        assert (clean / path).read_bytes() == (killed / path).read_bytes()


def figures_of(out: Path) -> dict[str, float]:
    figures: dict[str, float] = json.loads((out / "job.json").read_text())["figures"]
    return figures


def rows_of(*files: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


@pytest.mark.slow
def test_outcome_model_of_pairs(chain: Path) -> None:
    clean, killed = run_twice(chain, "solutions", "--set", "reward.loss=pairwise")
    assert_same(clean, killed, ["solutions"])
    figures = figures_of(clean)
    samples = rows_of(clean / "samples.jsonl")
    assert samples == rows_of(*sorted((clean / "solutions").iterdir()))
    assert len(samples) == 20 * SAMPLES
    assert all(row["right"] == row["solution"].endswith("\\boxed{2}") for row in samples)
    assert sum(row["held_out"] for row in samples) == 5 * SAMPLES
    assert figures["auc"] > 0.95
    assert json.loads((clean / "mathmill.json").read_text())["kind"] == "outcome"
    assert AutoModelForSequenceClassification.from_pretrained(clean).config.num_labels == 1


@pytest.mark.slow
def test_process_model_of_completed_steps(chain: Path) -> None:
    clean, killed = run_twice(chain, "completions", "--kind", "process")
    assert_same(clean, killed, ["solutions", "completions"])
    figures = figures_of(clean)
    completions = rows_of(*sorted((clean / "completions").iterdir()))
    drawn = {(row["question"], row["steps"]): row["right"] for row in completions}
    assert len(drawn) == len(completions) == figures["prefixes"]
    assert {len(right) for right in drawn.values()} == {4}
    verdicts = {(row["question"], row["solution"]): row["right"] for row in rows_of(*(clean / "solutions").iterdir())}
    samples = rows_of(clean / "samples.jsonl")
    for row in samples:
        *labels, last = row["labels"]
        assert last == verdicts[row["question"], "\n".join(row["steps"])]
        for number, label in enumerate(labels, start=1):
            assert label == any(drawn[row["question"], "\n".join(row["steps"][:number])])
    # After `take 1` nothing leads to 2; after `take 2` half of the completions do.
    first = {step: np.mean([r["labels"][0] for r in samples if r["steps"][0] == step]) for step in ("take 1", "take 2")}
    assert first["take 1"] < 0.3
    assert first["take 2"] > 0.7
    assert figures["step_auc"] > 0.9
    assert figures["auc"] > 0.9
    assert json.loads((clean / "mathmill.json").read_text())["kind"] == "process"
    assert AutoModelForTokenClassification.from_pretrained(clean).config.num_labels == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--completer", "elsewhere"], "--completer completes steps, which an outcome model does not judge"),
        (
            ["--set", "reward.questions=[]", "--set", 'reward.labelled=[{"path": "x", "layout": "prm800k"}]'],
            "reward.labelled labels steps: add --kind process",
        ),
        (["--set", "reward.sampling.temperature=0"], "samples and completions at temperature 0 are all the same"),
    ],
)
def test_mistakes_are_one_line(
    chain: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    inputs = ["--recipe", str(chain / "tiny.yaml"), "--model", str(chain / "instruct"), "--out", str(chain / "out")]
    assert reward.main([*inputs, *arguments]) == 2
    assert message in capsys.readouterr().err.strip().splitlines()[-1]
