"""Base models side by side, from their folders to the table."""

import json
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from mathmill.evaluation.compare import main
from mathmill.tracking.server import tracking_client
from mathmill.training.model_directory import ModelRecord
from tests.byte_tokenizer import byte_tokenizer

STEPS = 3


def _build(folder: Path, word: str) -> Path:
    """A corpus of one hundred texts of its own."""
    tokenizer = byte_tokenizer()
    tokenizer.save_pretrained(folder / "tokens" / "tokenizer")
    (folder / "tokens" / "shards").mkdir()
    texts = [f"{word} {n}" for n in range(100)]
    rows = [{"text_hash": hash(t), "input_ids": [*tokenizer(t)["input_ids"], tokenizer.eos_token_id]} for t in texts]
    pq.write_table(pa.Table.from_pylist(rows), folder / "tokens" / "shards" / "0.parquet")
    return folder


def _model(folder: Path, build: Path | None, seed: int) -> Path:
    """A model as `mathmill train pretrain` leaves it; its weights are random."""
    torch.manual_seed(seed)
    config = LlamaConfig(vocab_size=259, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2)
    LlamaForCausalLM(config).save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    figures = {
        "parameters": 1,
        "tokens": 300,
        "last_loss": 2.0,
        "validation_loss_after": 2.5,
        "total_share/corpus": 1.0,
    }
    record = {
        "stage": "pretrain",
        "recipe": "demo",
        "recipe_digest": "",
        "arguments": {"input": str(build)},
        "figures": figures,
        "seconds": 1.0,
        "mlflow_run_id": "",
        "mlflow_experiment_id": "",
        "finished": "",
    }
    (folder / "job.json").write_text(json.dumps(record))
    (folder / "mathmill.json").write_text(json.dumps(asdict(ModelRecord("base", "demo", "", None, None, ""))))
    trace = [{"step": step, "loss": 5.0 - step} for step in range(1, STEPS + 1)]
    (folder / "trace.jsonl").write_text("".join(json.dumps(row) + "\n" for row in trace))
    (folder / "_SUCCESS").touch()
    return folder


def _compare(out: Path, *paths: Path) -> int:
    return main(["--recipe", "demo", "--out", str(out), "--model", *map(str, paths)])


def test_every_model_is_measured_on_every_corpus(tmp_path: Path) -> None:
    builds = [_build(tmp_path / name, name) for name in ("sums", "code")]
    paths = [_model(tmp_path / f"model-{n}", build, n) for n, build in enumerate(builds)]
    assert _compare(tmp_path / "out", *paths) == 0
    rows = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert [row["model"] for row in rows] == ["model-0", "model-1"]
    for row in rows:
        assert (row["tokens"], row["validation_loss_after"], row["total_share/corpus"]) == (300, 2.5, 1.0)
        # Weights are small and random, so that every byte is about as likely as any.
        assert row["bits_per_byte/sums"] == pytest.approx(8.0, abs=0.3)
        assert row["bits_per_byte/code"] == pytest.approx(8.0, abs=0.3)
    assert rows[0]["bits_per_byte/sums"] != rows[1]["bits_per_byte/sums"]
    client = tracking_client()
    run_id = json.loads((tmp_path / "out" / "job.json").read_text())["mlflow_run_id"]
    assert {file.path for file in client.list_artifacts(run_id)} == {"comparison.json", "comparison.png"}
    assert client.get_run(run_id).data.metrics["held_out_texts/code"] == 10


def test_mistakes_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build = _build(tmp_path / "sums", "sums")
    one = _model(tmp_path / "a" / "base", build, 0)
    namesake = _model(tmp_path / "b" / "base", build, 1)
    assert _compare(tmp_path / "out", one, namesake) == 2
    assert "two of --model have one folder name" in capsys.readouterr().err
    unknown = _model(tmp_path / "unknown", None, 2)
    assert _compare(tmp_path / "out", one, unknown) == 2
    assert "was trained without --input" in capsys.readouterr().err
    assert _compare(tmp_path / "out", one, tmp_path / "missing") == 2
    assert "does not exist: make it with `mathmill train`" in capsys.readouterr().err
