"""A recipe and token shards for a pretraining of seconds."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from transformers import PreTrainedTokenizerFast

TINY: dict[str, Any] = {
    "name": "tiny",
    "launch": {"processes": 2, "threads": 1},
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
    "instruct": {"batch": 4, "micro_batch": 2},
    "reward": {"batch": 4, "micro_batch": 2},
}
"""All of a recipe but its section `pretrain`."""


def write_shards(folder: Path, texts: list[str], tokenizer: PreTrainedTokenizerFast) -> None:
    """Make `folder`, with the texts as one shard of token ids."""
    folder.mkdir(parents=True)
    rows = [tokenizer(text)["input_ids"] + [tokenizer.eos_token_id] for text in texts]
    pq.write_table(pa.table({"input_ids": pa.array(rows, pa.list_(pa.int32()))}), folder / "0.parquet")
