"""Shards hold every token of every document once, in files that hang on nothing but the corpus and the tokenizer."""

import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from mathmill.corpus import tokenization
from mathmill.corpus.token_shards import write_shards
from mathmill.corpus.tokenizer import BEGIN, END, Encoder, save_trained, train_tokenizer
from mathmill.job_record import JobRecord

WORDS = ["theorem", "proof", "42", "x^2", "小明", "naïve", "🙂", "\n\n", "integral"]


def _texts(count: int) -> dict[str, str]:
    draw = random.Random(0)
    texts = {f"http://a.example/{n}": " ".join(draw.choices(WORDS, k=draw.randrange(1, 60))) for n in range(count)}
    return texts | {
        "http://a.example/empty": "",
        "http://a.example/quoted": f"It ends with {END}, begins with {BEGIN}.",
    }


TEXTS = _texts(40)


def _score(url: str) -> float:
    return len(url) / 64


def _corpus(folder: Path, texts: dict[str, str], files: int = 1) -> Path:
    rows = [{"url": url, "text": text, "score": _score(url), "token_count": 1} for url, text in texts.items()]
    folder.mkdir(parents=True)
    for number in range(files):
        pq.write_table(pa.Table.from_pylist(rows[number::files]), folder / f"{number}.parquet")
    return folder


def _run(corpus: Path, out: Path, *more: str) -> int:
    settings = ["--recipe", "demo", "--set", "tokenizer.train.vocabulary=400"]
    return tokenization.main([*settings, "--corpus", str(corpus), "--out", str(out), *more])


def _rows(out: Path) -> list[dict[str, Any]]:
    return [row for file in sorted((out / "shards").iterdir()) for row in Dataset.from_file(str(file))]


def _bytes(out: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (out / "shards").iterdir()}


def test_token_counts_are_exact_and_borders_kept(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert _run(_corpus(tmp_path / "corpus", TEXTS), out) == 0
    tokenizer = Tokenizer.from_file(str(out / "tokenizer" / "tokenizer.json"))
    end = tokenizer.token_to_id(END)
    rows = _rows(out)
    assert [row["url"] for row in rows] == sorted(TEXTS)
    for row in rows:
        assert row["score"] == _score(row["url"])
        assert row["input_ids"].count(end) == 1
        assert row["input_ids"][-1] == end
        assert tokenizer.decode(row["input_ids"], skip_special_tokens=False) == TEXTS[row["url"]] + END
    tokenizer.encode_special_tokens = True
    again = sum(len(tokenizer.encode(text, add_special_tokens=False).ids) + 1 for text in TEXTS.values())
    index = json.loads((out / "shards.json").read_text(encoding="utf-8"))
    assert index["shards"] == [{"shard": "000-00000.arrow", "documents": len(TEXTS), "tokens": again}]
    assert index["tokens"] == JobRecord.read(out).figures["tokens"] == again == sum(len(r["input_ids"]) for r in rows)
    assert (index["documents"], index["end_token"]) == (len(TEXTS), END)


def test_shards_do_not_hang_on_partitions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenization, "SHARD_CHARACTERS", 1500)
    shuffled = dict(random.Random(1).sample(sorted(TEXTS.items()), len(TEXTS)))
    assert _run(_corpus(tmp_path / "one", TEXTS), tmp_path / "out1") == 0
    assert _run(_corpus(tmp_path / "five", shuffled, files=5), tmp_path / "out5") == 0
    assert _bytes(tmp_path / "out1") == _bytes(tmp_path / "out5")
    assert len(_bytes(tmp_path / "out1")) == -(-sum(map(len, TEXTS.values())) // 1500) > 2
    assert sorted(row["url"] for row in _rows(tmp_path / "out5")) == sorted(TEXTS)


def test_a_refresh_takes_over_shards_that_are_still_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenization, "SHARD_CHARACTERS", 1500)
    first, second, third = (tmp_path / name for name in ("out1", "out2", "out3"))
    assert _run(_corpus(tmp_path / "1", TEXTS), first) == 0
    changed = {**TEXTS, "http://a.example/7": "This page has changed.", "http://b.example/": "A new page."}
    assert _run(_corpus(tmp_path / "2", changed), second, "--previous", str(first)) == 0
    old, new = _bytes(first), _bytes(second)
    (lost,) = old.keys() - new.keys()
    for name in old.keys() & new.keys():
        assert (second / "shards" / name).samefile(first / "shards" / name)
    assert {name[:3] for name in new.keys() - old.keys()} == {"001"}
    rows = _rows(second)
    tokenizer = Tokenizer.from_file(str(second / "tokenizer" / "tokenizer.json"))
    assert {row["url"]: tokenizer.decode(row["input_ids"]) for row in rows if "quoted" not in row["url"]} == {
        url: text for url, text in changed.items() if "quoted" not in url
    }
    assert len(rows) == len(changed)
    figures = JobRecord.read(second).figures
    assert figures["shards_taken_over"] == len(old) - 1
    assert figures["tokens"] == sum(len(row["input_ids"]) for row in rows)
    assert figures["documents"] == len(changed)

    assert _run(_corpus(tmp_path / "3", changed), third, "--previous", str(second)) == 0
    assert _bytes(third) == new
    assert lost not in new


def test_any_tokenizer_will_do(tmp_path: Path) -> None:
    tokenizer = Tokenizer(
        models.WordLevel({"[UNK]": 0, "[CLS]": 1, "</s>": 2, "theorem": 3, "42": 4}, unk_token="[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A", special_tokens=[("[CLS]", 1)])
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding(length=9)
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "model.safetensors").write_text("weights", encoding="utf-8")
    (folder / "special_tokens_map.json").write_text('{"eos_token": {"content": "</s>"}}', encoding="utf-8")
    corpus = _corpus(tmp_path / "corpus", {"http://a.example/": "theorem 42 lemma theorem 42 42"})
    assert _run(corpus, tmp_path / "out", "--tokenizer", str(folder)) == 0
    assert [row["input_ids"] for row in _rows(tmp_path / "out")] == [[3, 4, 0, 3, 4, 4, 2]]
    assert not (tmp_path / "out" / "tokenizer" / "model.safetensors").exists()


def _batches() -> list[pa.RecordBatch]:
    rows = [{"shard": n // 7, "url": str(n), "text": f"text {n}", "text_hash": n, "score": n / 32} for n in range(20)]
    table = pa.Table.from_pylist(rows)
    return table.set_column(0, "shard", table["shard"].cast(pa.int32())).to_batches(max_chunksize=3)


def test_a_shard_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    save_trained(train_tokenizer(iter(TEXTS.values()), 300), tmp_path / "tokenizer")
    for folder in ("whole", "broken", "again"):
        (tmp_path / folder).mkdir()

    tokenizer = (tmp_path / "tokenizer", Encoder(tmp_path / "tokenizer").digest)

    def write(folder: str) -> Any:
        return write_shards(iter(_batches()), tokenizer, tmp_path / folder, 2)

    documents = pa.Table.from_batches(write("whole"))
    whole = {file.name: file.read_bytes() for file in (tmp_path / "whole").iterdir()}
    assert sorted(whole) == ["002-00000.arrow", "002-00001.arrow", "002-00002.arrow"]
    assert documents["shard"].value_counts().to_pylist() == [
        {"values": name, "counts": count} for name, count in zip(sorted(whole), (7, 7, 6), strict=True)
    ]
    broken = write("broken")
    for _ in range(4):
        next(broken)
    broken.close()
    assert [file.name for file in (tmp_path / "broken").iterdir()] == ["002-00000.arrow"]
    for attempt in (write("again"), write("again")):
        assert pa.Table.from_batches(attempt).equals(documents)
    assert {file.name: file.read_bytes() for file in (tmp_path / "again").iterdir()} == whole


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "holds no tokenizer.json"),
        ({"tokenizer.json": "{"}, "tokenizer.json is no tokenizer"),
        ({"tokenizer.json": None, "tokenizer_config.json": '{"eos_token": "<eos>"}'}, "<eos> is not in the vocabulary"),
    ],
)
def test_mistakes_are_one_line(
    files: dict[str, str | None], message: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_text(content or Tokenizer(models.BPE()).to_str(), encoding="utf-8")
    assert (
        _run(_corpus(tmp_path / "corpus", {"http://a.example/": "a"}), tmp_path / "out", "--tokenizer", str(folder))
        == 2
    )
    assert message in capfd.readouterr().err
