"""datatrove's pipelines, for its own environment's Python: `score`, `dedup` and `decontaminate` as its examples do.

The last line of standard output is a JSON object: `pages`, those that came out.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from datatrove.executor.local import LocalPipelineExecutor
from datatrove.pipeline.decont.n_grams import NGramsDecontConfig, NGramsDecontFilter, NGramsDecontIndexer
from datatrove.pipeline.dedup.minhash import (
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.extractors import Trafilatura
from datatrove.pipeline.filters import FastTextClassifierFilter
from datatrove.pipeline.readers import ParquetReader, WarcReader
from datatrove.pipeline.writers import JsonlWriter

TIMEOUT = 10.0
"""Seconds a page may take, as in our ingest. datatrove's default of 1 would drop pages on a busy machine."""


def score(arguments: argparse.Namespace) -> None:
    """WARC files to pages with the classifier's score."""
    steps = [
        WarcReader(str(arguments.input), glob_pattern="*.warc.gz", limit=arguments.limit),
        Trafilatura(timeout=TIMEOUT),
        # Keeps all: without labels to keep or remove, this version fails.
        FastTextClassifierFilter(str(arguments.model), keep_labels=[("math", 0.0)], newline_replacement=" "),
        _writer(arguments.out),
    ]
    _run(steps, arguments.out / "logs")


def dedup(arguments: argparse.Namespace) -> None:
    """The four stages of MinHash with datatrove's default settings."""
    out = arguments.out
    pages = ParquetReader(str(arguments.input), limit=arguments.limit)
    signatures, buckets, removed = (str(out / name) for name in ("signatures", "buckets", "removed"))
    _run([pages, MinhashDedupSignature(signatures)], out / "logs1")
    _run([MinhashDedupBuckets(signatures, buckets)], out / "logs2", tasks=14)
    _run([MinhashDedupCluster(buckets, removed)], out / "logs3")
    _run([pages, MinhashDedupFilter(removed), _writer(out)], out / "logs4")


def index(arguments: argparse.Namespace) -> None:
    """Hashes of all n-grams of the questions and their worked solutions, one file a benchmark."""
    # Made by hand, since it is not to be had without lighteval, which it needs only to fetch tasks from a hub.
    indexer = object.__new__(NGramsDecontIndexer)
    NGramsDecontIndexer.__init__(indexer, str(arguments.out), config=_decontamination())
    for path in arguments.benchmarks:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        hashes: set[int] = set()
        for row in rows:
            hashes.update(indexer.compute_hashes(row.get("solution") or row["answer"], _question(row)))
        numbers = np.array(list(hashes), dtype=indexer.config.hash_config.np_descr)
        numbers.tofile(arguments.out / f"{path.parent.name}.index.hashes")


def decontaminate(arguments: argparse.Namespace) -> None:
    """Pages without those that share an n-gram with the questions of the index; those go to `removed`."""
    removed = JsonlWriter(str(arguments.out / "removed"), compression=None)
    steps = [
        ParquetReader(str(arguments.input), limit=arguments.limit),
        NGramsDecontFilter(str(arguments.index), config=_decontamination(), exclusion_writer=removed),
        _writer(arguments.out),
    ]
    _run(steps, arguments.out / "logs")


def _decontamination() -> NGramsDecontConfig:
    """Its 12-grams; questions count as well as answers, without which most of a benchmark is not looked for."""
    return NGramsDecontConfig(find_query_ngrams=True)


def _question(row: dict[str, Any]) -> str:
    return str(row.get("problem") or row["question"])


def _writer(out: Path) -> JsonlWriter:
    return JsonlWriter(str(out / "kept"), compression=None)


def _run(steps: list[Any], logs: Path, tasks: int = 1) -> None:
    LocalPipelineExecutor(steps, tasks=tasks, workers=1, logging_dir=str(logs)).run()


def _lines(folder: Path) -> Iterator[str]:
    for path in folder.glob("*.jsonl"):
        with path.open(encoding="utf-8") as file:
            yield from file


def main() -> int:
    """Run one pipeline."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pipeline", choices=["score", "dedup", "index", "decontaminate"])
    parser.add_argument("--input", type=Path, help="a folder: WARC files for score, else Parquet")
    parser.add_argument("--limit", type=int, default=-1, help="pages to read")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--benchmarks", type=Path, nargs="+")
    parser.add_argument("--index", type=Path)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True)
    {"score": score, "dedup": dedup, "index": index, "decontaminate": decontaminate}[arguments.pipeline](arguments)
    print(json.dumps({"pages": sum(1 for _ in _lines(arguments.out / "kept"))}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
