"""Bits a byte, worked out by hand, and texts that no model has seen."""

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from mathmill.evaluation.held_out_text import bits_per_byte, held_out_texts
from mathmill.recipe_file import load_recipe
from tests.byte_tokenizer import byte_tokenizer


class Uniform:
    """Thinks every one of 259 tokens as likely as any other."""

    device = torch.device("cpu")

    def __call__(self, *, input_ids: torch.Tensor, use_cache: bool) -> Any:
        del use_cache
        return SimpleNamespace(logits=torch.zeros(*input_ids.shape, 259))


def test_a_uniform_model_needs_the_logarithm_of_the_vocabulary() -> None:
    # 3 bytes are 2 characters here, and 5 bytes in all.
    assert bits_per_byte(Uniform(), byte_tokenizer(), ["aé", "xy"]) == pytest.approx(math.log2(259), rel=1e-6)
    assert math.isnan(bits_per_byte(Uniform(), byte_tokenizer(), []))


def _build(folder: Path, texts: list[str]) -> Path:
    tokenizer = byte_tokenizer()
    tokenizer.save_pretrained(folder / "tokens" / "tokenizer")
    (folder / "tokens" / "shards").mkdir()
    rows = [{"text_hash": hash(t), "input_ids": [*tokenizer(t)["input_ids"], tokenizer.eos_token_id]} for t in texts]
    pq.write_table(pa.Table.from_pylist(rows), folder / "tokens" / "shards" / "0.parquet")
    return folder


def test_texts_that_another_corpus_learns_from_are_left_out(tmp_path: Path) -> None:
    recipe = load_recipe("demo", ["model.context=16"])
    common = [f"common {n}" for n in range(100)]
    one = _build(tmp_path / "one", [*common, *(f"first {n}" for n in range(100))])
    other = _build(tmp_path / "other", [*common, *(f"second {n}" for n in range(150))])
    alone = held_out_texts({"one": one}, recipe, tmp_path / "cache")
    assert len(alone["one"]) == 20
    assert any(text.startswith("common") for text in alone["one"])
    both = held_out_texts({"one": one, "other": other}, recipe, tmp_path / "cache")
    # A common text may have been held out of both.
    assert len(both["one"]) < 20
    assert set(both["one"]) < set(alone["one"])
    assert all(len(text) <= 15 for texts in both.values() for text in texts)
    assert any(text.startswith("second") for text in both["other"])
