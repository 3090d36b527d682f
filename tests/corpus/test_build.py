"""The whole corpus loop on a small crawl, with real Spark and fastText."""

import json
import random
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from datasets import Dataset
from tokenizers import Tokenizer

from mathmill.corpus import build
from mathmill.corpus.layout import Build
from mathmill.demo.recording import record
from mathmill.demo.site import serve
from mathmill.job import JobRecord
from mathmill.questions import load_questions
from mathmill.recipe_file import load_recipe

MATH = ["theorem", "proof", "integral", "polynomial", "matrix", "prime", "lemma", "converge", "modulo", "set"]
OTHER = ["recipe", "butter", "travel", "hotel", "football", "garden", "weather", "music", "ticket", "dinner"]
SITES = {"math.example": MATH, "algebra.example": MATH, "news.example": OTHER, "food.example": OTHER}
SETTINGS = [
    "corpus.tokens=[100000,100000]",
    "corpus.classifier.min_count=1",
    "corpus.classifier.epochs=25",
    "corpus.classifier.positives=40",
    "corpus.classifier.negatives=60",
    "tokenizer.train.vocabulary=400",
]


def _text(words: list[str], seed: int) -> str:
    return " ".join(random.Random(seed).choices(words, k=120))


def _pages(question: str) -> dict[str, bytes]:
    pages = {
        f"http://{host}/notes/{number}.html": _text(words, hash_ * 1000 + number)
        for hash_, (host, words) in enumerate(SITES.items())
        for number in range(25)
    }
    pages["http://math.example/notes/leak.html"] = f"{_text(MATH, 7)} {question} {_text(MATH, 8)}"
    pages["http://math.example/notes/copy.html"] = pages["http://math.example/notes/1.html"]
    pages["http://news.example/short.html"] = "Too short."
    return {url: f"<html><body><p>{text}</p></body></html>".encode() for url, text in pages.items()}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    root = tmp_path_factory.mktemp("crawl")
    task = load_recipe("demo").evaluation.tasks
    question = load_questions(next(iter(task.values())))[0].question
    date = datetime(2026, 1, 5, tzinfo=UTC)
    pages = _pages(question)
    with serve(pages, date) as port:
        listing = record([*pages, "http://math.example/missing.html"], port, root, date, files=2)
    seed = root / "seed.jsonl"
    rows = [{"url": f"http://seed.example/{n}", "text": _text(MATH, -n - 1)} for n in range(40)]
    seed.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return listing, seed, question


def test_build(inputs: tuple[Path, Path, str], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    listing, seed, question = inputs
    out = tmp_path / "build"
    settings = [word for setting in SETTINGS for word in ("--set", setting)]
    arguments = ["--recipe", "demo", *settings, "--input", str(listing), "--seed", str(seed), "--out", str(out)]
    assert build.main(arguments) == 0
    built = Build(out)

    rejected = pq.read_table(built.ingested / "rejected").to_pylist()
    responses = {row["url"]: row["reason"] for row in rejected if row["url"]}
    assert responses == {
        "http://news.example/short.html": "too_short",
        "http://math.example/missing.html": "http_status_404",
    }
    pages = pq.read_table(built.ingested / "pages", columns=["url"]).num_rows
    assert pages + len(responses) == 104
    others = Counter(row["reason"] for row in rejected if not row["url"])
    assert others == {"record_type_warcinfo": 2, "record_type_request": 104}

    duplicates = pq.read_table(built.unique / "duplicates").to_pylist()
    assert [{row["url"], row["duplicate_of"]} for row in duplicates] == [
        {"http://math.example/notes/1.html", "http://math.example/notes/copy.html"}
    ]

    first, second = built.finished_iterations()
    collected = pq.read_table(second.collected / "pages", columns=["url", "score"]).to_pylist()
    assert {row["url"].split("/")[2] for row in collected} == {"math.example", "algebra.example"}
    assert len(collected) == 51
    grown = JobRecord.read(first.seed).figures
    assert grown["seed_after"] >= grown["seed_before"] == 40

    removed = pq.read_table(built.decontaminated / "removed").to_pylist()
    assert [row["url"] for row in removed] == ["http://math.example/notes/leak.html"]
    kept = pq.read_table(built.corpus).to_pylist()
    assert len(kept) == 50
    assert (out / "corpus").resolve() == built.corpus
    assert not any(question in row["text"] for row in kept)

    tokenizer = Tokenizer.from_file(str(built.tokenizer / "tokenizer.json"))
    texts = {row["url"]: row["text"] for row in kept}
    shards = [row for file in built.shards.glob("*.arrow") for row in Dataset.from_file(str(file))]
    assert {row["url"]: tokenizer.decode(row["input_ids"]) for row in shards} == texts

    report = json.loads(built.report.read_text(encoding="utf-8"))
    assert report["decontaminated"]["removed"] == 1
    assert len(report["iterations"]) == 2

    capfd.readouterr()
    assert build.main(arguments) == 0
    assert "nothing to do" in capfd.readouterr().err
