"""How well models predict text that none of them has seen, whatever their tokenizers."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mathmill.corpus.layout import Build
from mathmill.errors import UserError
from mathmill.recipe import Recipe
from mathmill.training.data import open_documents, split


def held_out_texts(builds: Mapping[str, Path], recipe: Recipe, cache: Path) -> dict[str, list[str]]:
    """The beginnings of the documents that pretraining on each corpus held out, by the corpus's name.

    Documents that another of the corpora has to learn from are left out.

    Args:
        builds: folders with shards/ and tokenizer/, by name.
        recipe: by which models were pretrained; decides how many and which documents were held out.
        cache: where Parquet shards are converted to what can be memory-mapped.

    Returns:
        Texts of at most `model.context` - 1 bytes, so that they fit every model's context.

    Raises:
        UserError: the shards of several corpora cannot be told apart.
    """
    from transformers import AutoTokenizer

    opened = {name: open_documents(Build(path).shards, cache) for name, path in builds.items()}
    rows = {
        name: split(len(documents), recipe.pretrain.validation_documents, recipe.seed)
        for name, documents in opened.items()
    }
    learned = np.concatenate([_hashes(opened[name], training) for name, (training, _) in rows.items()])
    texts = {}
    for name, (_, held_out) in rows.items():
        unseen = held_out[~np.isin(_hashes(opened[name], held_out), learned)] if len(builds) > 1 else held_out
        tokenizer = AutoTokenizer.from_pretrained(Build(builds[name]).tokenizer)
        documents = opened[name].select(unseen)["input_ids"]
        texts[name] = [_beginning(tokenizer, ids, recipe.model.context - 1) for ids in documents]
    return texts


def bits_per_byte(model: Any, tokenizer: Any, texts: Sequence[str]) -> float:
    """Mean bits that `model` needs for a byte of `texts`; NaN where there are none.

    Each text stands alone after the end-of-text token, as in pretraining.
    """
    import torch

    nats, size = 0.0, 0
    for text in texts:
        ids = [tokenizer.eos_token_id, *tokenizer(text, add_special_tokens=False)["input_ids"]]
        row = torch.tensor([ids], device=model.device)
        with torch.no_grad():
            log_probs = model(input_ids=row, use_cache=False).logits[0, :-1].float().log_softmax(-1)
        nats -= float(log_probs.gather(1, row[0, 1:, None]).sum())
        size += len(text.encode())
    return nats / math.log(2) / size if size else math.nan


def _hashes(documents: Any, rows: np.ndarray) -> np.ndarray:
    if "text_hash" not in documents.column_names:
        raise UserError("shards without text_hash cannot be compared: make them with `mathmill corpus tokenize`")
    return np.asarray(documents.select_columns("text_hash").with_format("numpy").select(rows)["text_hash"][:])


def _beginning(tokenizer: Any, ids: Sequence[int], size: int) -> str:
    """The first bytes, `size` at most, of a document, without half a character at the end."""
    text = tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return str(text.encode()[:size].decode(errors="ignore"))
