"""Decide which URL prefixes of the candidate domains are mathematics, by the recipe's thresholds."""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mathmill.job import Figures, Job, job_parser, run_job


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point."""
    parser = job_parser(__doc__)
    parser.add_argument("--domains", type=Path, required=True, help="output of `mathmill corpus domains`")
    arguments = parser.parse_args(argv)
    return run_job("annotate", arguments, lambda job: run(job, arguments))


def run(job: Job, arguments: argparse.Namespace) -> Figures:
    """Write the table `annotations`: url_prefix, is_math, annotator, time."""
    thresholds = job.recipe.corpus.annotation
    prefixes = pq.read_table(arguments.domains / "prefixes").to_pylist()
    now = datetime.now(UTC)
    rows = [
        {
            "url_prefix": prefix["url_prefix"],
            "is_math": prefix["collected"] >= thresholds.min_rate * prefix["pages"],
            "annotator": thresholds.mode,
            "time": now,
        }
        for prefix in sorted(prefixes, key=lambda one: one["url_prefix"])
        if prefix["pages"] >= thresholds.min_pages
    ]
    schema = pa.schema(
        {"url_prefix": pa.string(), "is_math": pa.bool_(), "annotator": pa.string(), "time": pa.timestamp("us")}
    )
    (job.out / "annotations").mkdir()
    pq.write_table(pa.Table.from_pylist(rows, schema), job.out / "annotations" / "part-0.parquet", compression="zstd")
    mathematical = [row["url_prefix"] for row in rows if row["is_math"]]
    job.run.log_text("\n".join(mathematical), "mathematical_prefixes.txt")
    return {"prefixes": len(prefixes), "decided": len(rows), "math": len(mathematical)}


if __name__ == "__main__":
    sys.exit(main())
