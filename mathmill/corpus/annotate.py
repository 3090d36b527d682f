"""Decide which URL prefixes of the candidate domains are mathematics, by the recipe's thresholds.

What a person decided before, in an earlier iteration or build, stands; what thresholds decided is decided again where
there is something new to decide it by.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mathmill.job import Figures, Job, job_parser, run_job


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point."""
    parser = job_parser(__doc__)
    parser.add_argument("--domains", type=Path, required=True, help="output of `mathmill corpus domains`")
    parser.add_argument("--previous", type=Path, help="output of an earlier `mathmill corpus annotate`")
    arguments = parser.parse_args(argv)
    return run_job("annotate", arguments, lambda job: run(job, arguments))


def run(job: Job, arguments: argparse.Namespace) -> Figures:
    """Write the table `annotations`: url_prefix, is_math, annotator, time."""
    thresholds = job.recipe.corpus.annotation
    prefixes = pq.read_table(arguments.domains / "prefixes").to_pylist()
    now = datetime.now(UTC)
    decided = {row["url_prefix"]: row for row in _earlier(arguments.previous)}
    by_person = {name for name, row in decided.items() if row["annotator"] != thresholds.mode}
    for prefix in prefixes:
        name = prefix["url_prefix"]
        if prefix["pages"] >= thresholds.min_pages and name not in by_person:
            is_math = prefix["collected"] >= thresholds.min_rate * prefix["pages"]
            decided[name] = {"url_prefix": name, "is_math": is_math, "annotator": thresholds.mode, "time": now}
    rows = [decided[name] for name in sorted(decided)]
    schema = pa.schema(
        {"url_prefix": pa.string(), "is_math": pa.bool_(), "annotator": pa.string(), "time": pa.timestamp("us")}
    )
    (job.out / "annotations").mkdir()
    pq.write_table(pa.Table.from_pylist(rows, schema), job.out / "annotations" / "part-0.parquet", compression="zstd")
    mathematical = [row["url_prefix"] for row in rows if row["is_math"]]
    job.run.log_text("\n".join(mathematical), "mathematical_prefixes.txt")
    return {"prefixes": len(prefixes), "decided": len(rows), "by_person": len(by_person), "math": len(mathematical)}


def _earlier(annotations: Path | None) -> list[dict[str, Any]]:
    return pq.read_table(annotations / "annotations").to_pylist() if annotations else []


if __name__ == "__main__":
    sys.exit(main())
