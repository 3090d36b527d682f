"""Benchmark text in pages."""

import csv
import json
from pathlib import Path

import pyarrow.parquet as pq
from side_by_side.cost import in_turns, median_cost, rate_entry
from side_by_side.entries import Entry
from side_by_side.inputs import Inputs, write_pages
from side_by_side.usage import busyness

PROBE = "contamination/probe_dev.warc.gz"
LABELS = "labels/probe_dev.tsv"
QUESTIONS = ("gsm8k/test.jsonl", "math/test.jsonl")


def decontamination(inputs: Inputs, runs: int) -> list[Entry]:
    """Our job against datatrove's n-gram filter, for the test questions of GSM8K and MATH."""
    once, several = inputs.repeated_pages()
    benchmarks = [inputs.data / "benchmarks" / name for name in QUESTIONS]
    index = inputs.fresh("index")
    inputs.peer("index", "--benchmarks", *benchmarks, "--out", index)

    def ours(pages: Path) -> list[object]:
        return ["decontaminate", "--pages", pages, "--benchmarks", *benchmarks, "--out", inputs.fresh("clean")]

    peer = ("decontaminate", "--index", index, "--out")
    small, large, first, theirs = in_turns(
        runs,
        [
            lambda: inputs.ours(*ours(once)),
            lambda: inputs.ours(*ours(several)),
            lambda: inputs.peer(*peer, inputs.fresh("peer"), "--input", once, "--limit", 1),
            lambda: inputs.peer(*peer, inputs.fresh("peer"), "--input", once),
        ],
    )
    pages, many = (pq.ParquetDataset(folder).read(["id"]).num_rows for folder in (once, several))
    line, rival = median_cost(pages, small, many, large), median_cost(1, first, pages, theirs)
    version, note = inputs.peer_version(), f"start-up: ours {line.start_up:.0f} s, its {rival.start_up:.0f} s"
    return [
        *(rate_entry("decontamination", (line, rival), count, version, 3.0, runs, note) for count in (None, many)),
        _true_hits(inputs, benchmarks, index, version),
    ]


def _true_hits(inputs: Inputs, benchmarks: list[Path], index: Path, version: str) -> Entry:
    """The share of the probe's contaminated pages that the peer removes which we remove, too."""
    probe, texts = inputs.fresh("probe"), inputs.fresh("probe-texts")
    inputs.ours("ingest", "--input", inputs.data / PROBE, "--out", probe)
    texts.mkdir(parents=True)
    table = pq.read_table(probe / "pages", columns=["url", "text"])
    write_pages(texts / "0.parquet", table["url"].to_pylist(), table["text"].to_pylist())
    clean, peer = inputs.fresh("clean"), inputs.fresh("peer")
    inputs.ours("decontaminate", "--pages", texts, "--benchmarks", *benchmarks, "--out", clean)
    inputs.peer("decontaminate", "--index", index, "--input", texts, "--out", peer)
    found = set(pq.read_table(clean / "removed", columns=["url"])["url"].to_pylist())
    lines = [line for path in (peer / "removed").glob("*.jsonl") for line in path.read_text("utf-8").splitlines()]
    theirs = {json.loads(line)["id"] for line in lines}
    with (inputs.data / LABELS).open(encoding="utf-8") as file:
        labels = {row["url"]: row["expected"] for row in csv.DictReader(file, delimiter="\t")}
    true = {url for url, label in labels.items() if label == "contaminated"}
    clean_pages = {url for url, label in labels.items() if label == "clean"}
    wrongly = f"pages labelled clean that go: ours {len(found & clean_pages)}, its {len(theirs & clean_pages)}"
    missed = sorted((theirs & true) - found)
    return Entry(
        "decontamination: true hits of the probe, and how many of the other's are ours",
        ours=len(found & true),
        peer=len(theirs & true),
        peer_version=version,
        unit="pages",
        ratio=round(1 - len(missed) / len(theirs & true), 3),
        goal=1.0,
        runs=1,
        busy=busyness(),
        note=f"missed: {', '.join(missed) or 'none'}; {wrongly}",
    )
