"""Packing loses and doubles no token; documents are held out and ranked."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from mathmill.errors import UserError
from mathmill.training.data import PackedSource, load_source


@settings(max_examples=25)
@given(lengths=st.lists(st.integers(1, 30), min_size=3, max_size=20), context=st.integers(1, 16))
def test_a_pass_holds_every_token_once(lengths: list[int], context: int) -> None:
    total = sum(lengths)
    flat = iter(range(total))
    documents = Dataset.from_dict({"input_ids": [[next(flat) for _ in range(length)] for length in lengths]})
    if total < context:
        with pytest.raises(UserError, match="less than one sequence"):
            PackedSource(documents, context=context, seed=0)
        return
    source = PackedSource(documents, context=context, seed=0)
    for number in (0, 1):
        packed = np.concatenate([source[number * source.sequences + i][0] for i in range(source.sequences)])
        assert len(packed) == total - total % context
        assert len(set(packed.tolist())) == len(packed)


def test_another_pass_has_another_order() -> None:
    documents = Dataset.from_dict({"input_ids": [[i] * 4 for i in range(50)]})
    source = PackedSource(documents, context=4, seed=3)
    passes = [[int(source[n * 50 + i][0][0]) for i in range(50)] for n in (0, 1)]
    assert passes[0] != passes[1]
    assert sorted(passes[0]) == sorted(passes[1]) == list(range(50))


def _shards(folder: Path, form: str) -> Path:
    """Two shards of 30 documents of different lengths, no token twice."""
    folder.mkdir()
    flat = iter(range(10_000))
    for number in range(2):
        rows = [[next(flat) for _ in range(1 + (n * 7) % 11)] for n in range(30)]
        table = pa.table({"url": [str(n) for n in range(30)], "input_ids": pa.array(rows, pa.list_(pa.int32()))})
        if form == "parquet":
            pq.write_table(table, folder / f"{number}.parquet")
        else:
            with pa.ipc.new_stream(str(folder / f"{number}.arrow"), table.schema) as writer:
                writer.write_table(table, max_chunksize=7)
    return folder


@pytest.mark.parametrize("form", ["arrow", "parquet"])
def test_shards_are_memory_mapped_and_no_held_out_document_is_learned(form: str, tmp_path: Path) -> None:
    held = load_source(_shards(tmp_path / "shards", form), held_out=4, seed=1, cache=tmp_path / "cache")
    held_out = {token for row in held.validation for token in row["input_ids"]}
    source = PackedSource(held.training, context=5, seed=2)
    packed = np.concatenate([source[number][0] for number in range(source.sequences)])
    assert len(held.validation) == 4
    assert source.tokens + len(held_out) == sum(1 + (n * 7) % 11 for n in range(30)) * 2
    assert len(set(packed.tolist())) == len(packed) == source.tokens - source.tokens % 5
    assert held_out.isdisjoint(packed.tolist())


def test_arrow_and_parquet_shards_give_the_same_sequences(tmp_path: Path) -> None:
    sources = [
        PackedSource(
            load_source(_shards(tmp_path / form, form), held_out=4, seed=1, cache=tmp_path / "cache").training,
            context=5,
            seed=2,
        )
        for form in ("arrow", "parquet")
    ]
    # From the second pass, as a resumed job would.
    numbers = range(sources[0].sequences, sources[0].sequences + 20)
    assert [sources[0][n][0].tolist() for n in numbers] == [sources[1][n][0].tolist() for n in numbers]


def test_arrow_shards_are_not_copied(tmp_path: Path) -> None:
    folder = _shards(tmp_path / "shards", "arrow")
    held = load_source(folder, held_out=4, seed=1, cache=tmp_path / "cache")
    assert {file["filename"] for file in held.training.cache_files} >= {str(file) for file in folder.iterdir()}
    assert not (tmp_path / "cache").exists()


def test_a_folder_without_shards_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no token shards"):
        load_source(tmp_path, held_out=0, seed=0, cache=tmp_path)


def test_the_best_documents_up_to_a_number_of_tokens(tmp_path: Path) -> None:
    scores = np.random.default_rng(0).permutation(100) / 100
    rows = pa.array([[n] * 3 for n in range(100)], pa.list_(pa.int32()))
    pq.write_table(pa.table({"input_ids": rows, "score": scores}), tmp_path / "0.parquet")
    whole = load_source(tmp_path, held_out=5, seed=1, cache=tmp_path / "cache")
    best = load_source(tmp_path, held_out=5, top_tokens=100, seed=1, cache=tmp_path / "cache")
    held_out = {row["input_ids"][0] for row in whole.validation}
    assert {row["input_ids"][0] for row in best.validation} == held_out
    ranked = [int(n) for n in np.argsort(-scores) if n not in held_out]
    assert [row["input_ids"][0] for row in best.training] == sorted(ranked[:34])


def test_documents_without_scores_cannot_be_ranked(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="have no scores to rank by"):
        load_source(_shards(tmp_path / "shards", "arrow"), held_out=0, top_tokens=5, seed=0, cache=tmp_path)
