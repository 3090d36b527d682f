"""The whole corpus loop on a small crawl, with real Spark and fastText."""

import json
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from datasets import Dataset
from tokenizers import Tokenizer

from mathmill.corpus import build
from mathmill.corpus.layout import Build
from mathmill.job_record import JobRecord
from tests.corpus.small_crawl import SmallCrawl


def test_build(small: SmallCrawl, built: Path, capfd: pytest.CaptureFixture[str]) -> None:
    made = Build(built)
    rejected = pq.read_table(made.ingested / "rejected").to_pylist()
    responses = {row["url"]: row["reason"] for row in rejected if row["url"]}
    assert responses == {
        "http://news.example/short.html": "too_short",
        "http://math.example/missing.html": "http_status_404",
    }
    pages = pq.read_table(made.ingested / "pages", columns=["url"]).num_rows
    assert pages + len(responses) == 104
    others = Counter(row["reason"] for row in rejected if not row["url"])
    assert others == {"record_type_warcinfo": 2, "record_type_request": 104}

    duplicates = pq.read_table(made.unique / "duplicates").to_pylist()
    assert [{row["url"], row["duplicate_of"]} for row in duplicates] == [
        {"http://math.example/notes/1.html", "http://math.example/notes/copy.html"}
    ]

    first, second = made.finished_iterations()
    collected = pq.read_table(second.collected / "pages", columns=["url", "score"]).to_pylist()
    assert {row["url"].split("/")[2] for row in collected} == {"math.example", "algebra.example"}
    assert len(collected) == 51
    grown = JobRecord.read(first.seed).figures
    assert grown["seed_after"] >= grown["seed_before"] == 40

    removed = pq.read_table(made.decontaminated / "removed").to_pylist()
    assert [row["url"] for row in removed] == ["http://math.example/notes/leak.html"]
    kept = pq.read_table(made.corpus).to_pylist()
    assert len(kept) == 50
    assert (built / "corpus").resolve() == made.corpus
    assert not any(small.question in row["text"] for row in kept)

    tokenizer = Tokenizer.from_file(str(made.tokenizer / "tokenizer.json"))
    texts = {row["url"]: row["text"] for row in kept}
    shards = [row for file in made.shards.glob("*.arrow") for row in Dataset.from_file(str(file))]
    assert {row["url"]: tokenizer.decode(row["input_ids"]) for row in shards} == texts

    report = json.loads(made.report.read_text(encoding="utf-8"))
    assert report["decontaminated"]["removed"] == 1
    assert len(report["iterations"]) == 2

    capfd.readouterr()
    assert build.main(small.arguments(built)) == 0
    assert "nothing to do" in capfd.readouterr().err


def test_a_build_that_would_ask_a_person_says_that_nobody_is_there(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--recipe", "demo", "--set", "corpus.annotation=person", "--out", str(tmp_path / "build")]
    assert build.main(arguments) == 2
    assert "give --decisions FILE, or --set corpus.annotation.mode=auto" in capfd.readouterr().err
    assert not (tmp_path / "build").exists()
