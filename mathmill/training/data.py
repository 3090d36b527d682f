"""Pretraining data: the token shards of one source, packed to the context length.

Everything is a function of the seed and of the sequence's number, so a job resumes at any sequence, on any number
of ranks, without reading what came before.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mathmill.errors import UserError

Tokens = npt.NDArray[np.int64]

SCORE = "score"
"""Column of the shards by which `top_tokens` ranks documents."""


def shard_files(folder: Path) -> list[Path]:
    """The shards in `folder`, sorted: Arrow files, or Parquet files of other tools.

    Raises:
        UserError: there are none.
    """
    for pattern in ("*.arrow", "*.parquet"):
        if files := sorted(folder.glob(pattern)):
            return files
    raise UserError(f"no token shards (*.arrow) in {folder}: make them with `mathmill corpus tokenize`")


def digest(folder: Path) -> str:
    """SHA-256 over names and sizes of the shards: tells one corpus from another without reading it."""
    names = "\n".join(f"{file.name} {file.stat().st_size}" for file in shard_files(folder))
    return hashlib.sha256(names.encode()).hexdigest()


class PackedSource:
    """One source's documents in a random order a pass, end to end, cut into sequences of the context length."""

    def __init__(self, documents: Any, *, context: int, seed: int) -> None:
        """Prepare `documents`.

        Args:
            documents: a `datasets.Dataset` with the column `input_ids`.
            context: tokens in a sequence.
            seed: decides the order; another pass over the documents has another order.

        Raises:
            UserError: the documents hold less than one sequence.
        """
        self._documents = documents.with_format("arrow")
        self._context = context
        self._seed = seed
        self._lengths = _lengths(documents)
        self.tokens = int(self._lengths.sum())
        self.sequences = self.tokens // context
        if not self.sequences:
            raise UserError(f"{self.tokens} tokens are less than one sequence of {context}: lower model.context")
        self._pass = -1

    def __getitem__(self, number: int) -> tuple[Tokens, Tokens]:
        """Sequence `number`, counted over all passes, as int64 of shape (context,) each.

        Returns:
            Its token ids, and the position of each token in what the sequence has of the token's document.
        """
        self._turn_to(number // self.sequences)
        start = number % self.sequences * self._context
        end = start + self._context
        first = int(np.searchsorted(self._ends, start, side="right"))
        last = int(np.searchsorted(self._ends, end, side="left"))
        rows = self._documents[self._order[first : last + 1]]["input_ids"]
        offset = start - int(self._ends[first] - self._lengths[self._order[first]])
        tokens = np.concatenate([chunk.flatten().to_numpy() for chunk in rows.chunks])
        begins = np.concatenate([[0], self._ends[first:last] - start])
        spread = np.diff(begins, append=self._context)
        positions = np.arange(self._context) - np.repeat(begins, spread)
        return tokens[offset : offset + self._context].astype(np.int64), positions

    def _turn_to(self, number: int) -> None:
        if number != self._pass:
            self._order = np.random.default_rng([self._seed, number]).permutation(len(self._lengths))
            self._ends = np.cumsum(self._lengths[self._order])
            self._pass = number


@dataclass(frozen=True, slots=True)
class Held:
    """A source's documents: those to learn from and those held out."""

    training: Any
    validation: Any


def load_source(folder: Path, *, held_out: int, top_tokens: int | None = None, seed: int, cache: Path) -> Held:
    """Memory-map the shards in `folder` and hold out `held_out` documents, at most a tenth, drawn by `seed`.

    The documents held out are the same whatever `top_tokens`, so that runs that differ in it can be compared.

    Args:
        folder: holds the shards.
        held_out: documents.
        top_tokens: learn only from the documents of the highest scores, up to so many tokens.
        seed: decides which are held out.
        cache: where Parquet shards are converted to what can be memory-mapped.

    Raises:
        UserError: documents are to be ranked, and the shards have no scores.
    """
    documents = open_documents(folder, cache)
    training, validation = split(len(documents), held_out, seed)
    if top_tokens is not None:
        training = _best(documents, training, top_tokens, folder)
    columns = ["input_ids"]
    return Held(
        documents.select(training).select_columns(columns), documents.select(validation).select_columns(columns)
    )


def split(documents: int, held_out: int, seed: int) -> tuple[Tokens, Tokens]:
    """Rows to learn from and rows held out, of so many documents; both ascending."""
    order = np.random.default_rng([seed, documents]).permutation(documents)
    count = min(held_out, documents // 10)
    return np.sort(order[count:]), np.sort(order[:count])


def _best(documents: Any, rows: Tokens, tokens: int, folder: Path) -> Tokens:
    """Those of `rows` that have the highest scores, in order; the last of them passes `tokens`."""
    scores = documents.with_format("numpy")[SCORE][:] if SCORE in documents.column_names else np.array([np.nan])
    if np.isnan(scores).any():
        raise UserError(
            f"the shards in {folder} have no scores to rank by: tokenise a scored corpus, or drop top_tokens"
        )
    ranked = rows[np.argsort(-scores[rows], kind="stable")]
    total = np.cumsum(_lengths(documents)[ranked])
    return np.sort(ranked[: int(np.searchsorted(total, tokens)) + 1])


def open_documents(folder: Path, cache: Path) -> Any:
    """The documents of the shards in `folder` as a `datasets.Dataset` with the column `input_ids`, and others.

    Args:
        folder: holds the shards.
        cache: where Parquet shards are converted to what can be memory-mapped.

    Raises:
        UserError: there are no shards.
    """
    import datasets

    files = shard_files(folder)
    datasets.disable_progress_bars()
    names = [str(file) for file in files]
    if files[0].suffix == ".arrow":
        parts = [datasets.Dataset.from_file(name) for name in names]
        return datasets.concatenate_datasets(parts)
    return datasets.load_dataset("parquet", data_files=names, split="train", cache_dir=str(cache))


def _lengths(documents: Any) -> Tokens:
    """Tokens of each document, read from the shards' offsets alone."""
    import pyarrow.compute as pc

    chunks = documents.data.column("input_ids").chunks
    lengths = np.concatenate([pc.list_value_length(chunk).to_numpy(zero_copy_only=False) for chunk in chunks])
    # `datasets` has no public way to a selection's rows, nor to a column of it that does not copy all tokens.
    selected = documents._indices  # noqa: SLF001
    return lengths if selected is None else lengths[selected.column(0).to_numpy()]
