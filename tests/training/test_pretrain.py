"""Pretraining on two real DeepSpeed ranks, from small shards to a model that plain transformers loads."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from safetensors.numpy import load_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

RECIPE = {
    "name": "tiny",
    "launch": {"processes": 2, "threads": 1},
    "deepspeed": {"zero_optimization": {"stage": 1}},
    "tokenizer": {"pretrained": None, "train": {"vocabulary": 300}},
    "model": {
        "checkpoint": None,
        "shape": {
            "hidden_size": 32,
            "intermediate_size": 64,
            "layers": 2,
            "attention_heads": 2,
            "key_value_heads": 2,
            "tie_embeddings": True,
        },
        "context": 32,
    },
    "pretrain": {
        "mixture": [{"name": "corpus", "weight": 1.0}],
        "total_tokens": 7680,
        "batch_tokens": 256,
        "micro_batch": 2,
        "checkpoint_steps": 5,
        "validation_documents": 8,
        "optimizer": {"learning_rate": 0.003, "schedule": "multi_step", "warmup_steps": 2},
    },
    "instruct": {"batch": 4, "micro_batch": 2},
    "reward": {"batch": 4, "micro_batch": 2},
}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A build with a byte tokenizer and shards of a text that can be learned."""
    root = tmp_path / "build"
    bytes_alphabet = {token: i for i, token in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(models.BPE(vocab=bytes_alphabet, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<b>", eos_token="<e>", pad_token="<p>")
    fast.save_pretrained(root / "tokens" / "tokenizer")
    generator = np.random.default_rng(0)
    texts = [f"{a} plus {b} is {a + b}. " * 4 for a, b in generator.integers(0, 50, (200, 2))]
    (root / "tokens" / "shards").mkdir(parents=True)
    rows = [fast(text)["input_ids"] + [fast.eos_token_id] for text in texts]
    pq.write_table(
        pa.table({"input_ids": pa.array(rows, pa.list_(pa.int32()))}), root / "tokens" / "shards" / "0.parquet"
    )
    return root


def _command(recipe: Path, corpus: Path, out: Path) -> list[str]:
    arguments = ["train", "pretrain", "--recipe", str(recipe), "--input", str(corpus), "--out", str(out)]
    return [sys.executable, "-m", "mathmill.cli", *arguments]


@pytest.mark.slow
def test_a_killed_job_ends_with_the_model_of_a_clean_one(tmp_path: Path, corpus: Path) -> None:
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(yaml.safe_dump(RECIPE))
    clean, killed = tmp_path / "clean", tmp_path / "killed"
    subprocess.run(_command(recipe, corpus, clean), check=True)
    job = subprocess.Popen(_command(recipe, corpus, killed), start_new_session=True)
    latest = tmp_path / "killed.partial" / "checkpoints" / "latest"
    deadline = time.monotonic() + 400
    while not latest.is_file():
        assert time.monotonic() < deadline
        assert job.poll() is None
        time.sleep(0.01)
    _kill_with_children(job.pid)
    assert not killed.exists()
    subprocess.run(_command(recipe, corpus, killed), check=True)

    figures = json.loads((clean / "job.json").read_text())["figures"]
    assert figures["last_loss"] < figures["first_loss"] - 1
    assert json.loads((killed / "job.json").read_text())["figures"] == figures
    ours, theirs = load_file(clean / "model.safetensors"), load_file(killed / "model.safetensors")
    assert ours.keys() == theirs.keys()
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
    assert AutoModelForCausalLM.from_pretrained(clean).num_parameters() == figures["parameters"]
    assert json.loads((clean / "mathmill.json").read_text())["role"] == "base"


def _kill_with_children(pid: int) -> None:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for one in [pid, *map(int, children)]:
        os.kill(one, signal.SIGKILL)
