"""A small crawl of four sites, two of them mathematics, and the build that mines it."""

import json
import os
import random
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from datasets import Dataset

from mathmill.corpus.layout import Build
from mathmill.demo.recording import record
from mathmill.demo.site import serve
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


@dataclass(frozen=True, slots=True)
class SmallCrawl:
    """The inputs of a build."""

    listing: Path
    """WARC files, two of them."""
    seed: Path
    question: str
    """Of the recipe's own evaluation; one page quotes it."""

    def arguments(self, out: Path, *settings: str) -> list[str]:
        """The arguments of `mathmill corpus build`."""
        overrides = [word for setting in (*SETTINGS, *settings) for word in ("--set", setting)]
        inputs = ["--input", str(self.listing), "--seed", str(self.seed)]
        return ["--recipe", "demo", *overrides, *inputs, "--out", str(out)]


def small_crawl(root: Path) -> SmallCrawl:
    """Serve and record the sites' 103 pages and one that is missing; `root` takes the files."""
    task = load_recipe("demo").evaluation.tasks
    question = load_questions(next(iter(task.values())))[0].question
    date = datetime(2026, 1, 5, tzinfo=UTC)
    pages = site_pages(question)
    with serve(pages, date) as port:
        listing = record([*pages, "http://math.example/missing.html"], port, root, date, files=2)
    seed = root / "seed.jsonl"
    rows = [{"url": f"http://seed.example/{n}", "text": words_drawn(MATH, -n - 1)} for n in range(40)]
    seed.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return SmallCrawl(listing, seed, question)


def own_home(home: Path, empty_tracking_database: Path) -> dict[str, str]:
    """The environment of a process whose home is the new folder `home`."""
    database = home / "mlflow" / "mlflow.db"
    database.parent.mkdir(parents=True)
    shutil.copyfile(empty_tracking_database, database)
    return os.environ | {"MATHMILL_HOME": str(home), "MLFLOW_TRACKING_URI": f"sqlite:///{database}"}


def contents(out: Path) -> dict[str, list[tuple[Any, ...]]]:
    """What a build has made, whatever the order of its rows: equal for builds of equal corpora."""
    build = Build(out)
    last = build.finished_iterations()[-1]
    return {
        "rejected": _rows(build.ingested / "rejected", "url", "warc_record_offset", "reason"),
        "duplicates": _rows(build.unique / "duplicates", "url", "duplicate_of", "kind"),
        "scores": _rows(last.scores / "scores", "url", "score"),
        "collected": _rows(last.collected / "pages", "url", "score", "text"),
        "seed": _rows(build.finished_iterations()[0].seed / "pages", "url", "text"),
        "removed": _rows(build.decontaminated / "removed", "url", "item_id", "matched_text"),
        "corpus": _rows(build.corpus, "url", "score", "text", "token_count"),
        "shards": [
            (file.name, row["url"], tuple(row["input_ids"]))
            for file in sorted(build.shards.glob("*.arrow"))
            for row in Dataset.from_file(str(file))
        ],
    }


def _rows(table: Path, *columns: str) -> list[tuple[Any, ...]]:
    rows = pq.read_table(table, columns=list(columns)).to_pylist()
    return sorted((tuple(row.values()) for row in rows), key=repr)


def words_drawn(words: list[str], seed: int) -> str:
    """The text of a page: 120 of the words, drawn by the seed."""
    return " ".join(random.Random(seed).choices(words, k=120))


def site_pages(question: str) -> dict[str, bytes]:
    """The bodies of the sites' pages by URL; one quotes the question, one is a copy, one is too short."""
    pages = {
        f"http://{host}/notes/{number}.html": words_drawn(words, hash_ * 1000 + number)
        for hash_, (host, words) in enumerate(SITES.items())
        for number in range(25)
    }
    pages["http://math.example/notes/leak.html"] = f"{words_drawn(MATH, 7)} {question} {words_drawn(MATH, 8)}"
    pages["http://math.example/notes/copy.html"] = pages["http://math.example/notes/1.html"]
    pages["http://news.example/short.html"] = "Too short."
    return {url: f"<html><body><p>{text}</p></body></html>".encode() for url, text in pages.items()}
