"""Instruction tuning on real DeepSpeed ranks: killed and resumed, on one rank and on two, it learns the same."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.numpy import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from mathmill.recipe import Recipe
from mathmill.tracking.server import tracking_client
from mathmill.training.examples import load_examples
from mathmill.training.model_directory import ModelRecord, save_model
from mathmill.training.packing import pack
from mathmill.training.sft import REJECTS
from tests.processes import kill_all, wait_until

STEPS = 12
TOOL = "```python\nprint({0} + 1)\n```\n```output\n{1}\n```\nThe answer is {1}."


def recipe(questions, *, processes, micro_batch):
    return {
        "name": "tiny",
        "launch": {"processes": processes, "threads": 1},
        "deepspeed": {"zero_optimization": {"stage": 1}},
        "model": {"context": 512},
        "pretrain": {"batch_tokens": 512 * 64},
        "instruct": {
            "sources": [{"questions": {"kind": "file", "path": str(questions)}}],
            "steps": STEPS,
            "batch": 4,
            "micro_batch": micro_batch,
            "checkpoint_steps": 3,
            "optimizer": {"learning_rate": 0.003},
        },
    }


@pytest.fixture
def base(tmp_path, tokenizer):
    """A base model made from nothing."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
    )
    save_model(LlamaForCausalLM(config), tokenizer, tmp_path / "base", ModelRecord("base", "tiny", "0", None, "0", ""))
    return tmp_path / "base"


@pytest.fixture
def questions(tmp_path):
    """Solved in words and by programs, with two rows that cannot be learned from."""
    rows = []
    for n in range(60):
        solution, form = (TOOL.format(n, n + 1), "tool") if n % 2 else (f"The answer is {n + 1}.", "cot")
        rows.append({"question": f"{n} + 1?", "solution": solution, "format": form, "answer": str(n + 1)})
    lines = [json.dumps(row) for row in rows] + ["{", json.dumps(rows[0])]
    (tmp_path / "solved.jsonl").write_text("\n".join(lines))
    return tmp_path / "solved.jsonl"


def command(tmp_path, base, name, settings):
    (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(settings))
    arguments = ["--recipe", str(tmp_path / f"{name}.yaml"), "--model", str(base), "--out", str(tmp_path / name)]
    return [sys.executable, "-m", "mathmill.cli", "train", "sft", *arguments]


@pytest.mark.slow
def test_a_killed_job_ends_as_a_clean_one_and_one_rank_learns_as_two(tmp_path, base, questions):
    two = recipe(questions, processes=2, micro_batch=1)
    one = recipe(questions, processes=1, micro_batch=2)
    subprocess.run(command(tmp_path, base, "clean", two), check=True)
    killed = subprocess.Popen(command(tmp_path, base, "killed", two), start_new_session=True)
    wait_until((tmp_path / "killed.partial" / "checkpoints" / "latest").is_file, killed)
    kill_all(killed)
    assert not (tmp_path / "killed").exists()
    subprocess.run(command(tmp_path, base, "killed", two), check=True)
    subprocess.run(command(tmp_path, base, "alone", one), check=True)

    records = {name: json.loads((tmp_path / name / "job.json").read_text()) for name in ("clean", "killed", "alone")}
    figures = records["clean"]["figures"]
    assert figures == records["killed"]["figures"]
    assert figures["last_loss"] < figures["first_loss"] - 1
    assert {"examples": 60, "rejected": 2, "rejected_unreadable": 1, "rejected_duplicate": 1}.items() <= figures.items()
    for metric in ("loss", "grad_norm"):
        assert curve(records["alone"], metric) == pytest.approx(curve(records["clean"], metric), rel=1e-3)
    loss, norm = first_step(base, two)
    assert figures["first_loss"] == pytest.approx(loss, rel=1e-5)
    assert curve(records["clean"], "grad_norm")[0] == pytest.approx(norm, rel=1e-4)
    clean, again, alone = (load_file(tmp_path / name / "model.safetensors") for name in ("clean", "killed", "alone"))
    assert all(np.array_equal(clean[name], again[name]) for name in clean)
    assert all(np.allclose(clean[name], alone[name], atol=1e-4) for name in clean)

    for record in records.values():
        assert checkpoints(record) == {
            f"sft-step-{step}": ("removed", curve(record, "loss")[step - 1]) for step in (3, 6, 9)
        }

    places = [json.loads(line)["place"] for line in (tmp_path / "clean" / REJECTS).read_text().splitlines()]
    assert places == [f"{questions}:61", f"{questions}:62"]
    AutoModelForCausalLM.from_pretrained(tmp_path / "clean")
    assert AutoTokenizer.from_pretrained(tmp_path / "clean").chat_template


def first_step(base: Path, settings: dict) -> tuple[float, float]:
    """The mean loss of the first step's targets and the norm of its gradient, by plain transformers one by one."""
    examples, _ = load_examples(Recipe(**settings), AutoTokenizer.from_pretrained(base))
    chosen = [index for sequence in pack([len(one) for one in examples], 512, 0)[:4] for index in sequence]
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    losses = []
    for one in (examples[index] for index in chosen):
        ids = torch.from_numpy(one.ids.astype(np.int64))
        log_probabilities = model(ids[None], use_cache=False).logits[0].log_softmax(-1)
        losses += [-log_probabilities[place - 1, ids[place]] for place in np.flatnonzero(one.target)]
    loss = torch.stack(losses).mean()
    loss.backward()
    return loss.item(), torch.nn.utils.get_total_norm([one.grad for one in model.parameters()]).item()


def checkpoints(record):
    """What MLflow has of a job's checkpoints: whether they are there, and their loss."""
    run = record["mlflow_run_id"]
    found = tracking_client().search_logged_models(
        [record["mlflow_experiment_id"]], f"source_run_id = '{run}' AND model_type = 'checkpoint'"
    )
    losses = [{one.key: one.value for one in model.metrics}["loss"] for model in found]
    return {model.name: (model.tags["mathmill.checkpoint"], loss) for model, loss in zip(found, losses, strict=True)}


def curve(record: dict, metric: str) -> list[float]:
    """A metric at every step, as MLflow has it."""
    values = [one.value for one in tracking_client().get_metric_history(record["mlflow_run_id"], metric)]
    assert len(values) == STEPS
    return values
