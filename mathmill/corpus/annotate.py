"""Decide which URL prefixes of the candidate domains are mathematics: by a file of decisions, by thresholds, or both.

What a person decided before, in an earlier iteration or build, stands unless the file says otherwise. The recipe's
thresholds decide what no person did; but in mode `person` a file is the whole answer, and what it leaves out stays
undecided. `decisions.jsonl` in the output holds all that is decided and can be given as a file again.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from mathmill.corpus.decisions import AUTO, Decision, read_decisions, read_table, to_json_lines, write_table
from mathmill.corpus.question import read_prefixes
from mathmill.job import Figures, Job, job_parser, run_job
from mathmill.output import write_text
from mathmill.recipe_corpus import AnnotationRecipe
from mathmill.reuse.reads import Reads

READS = Reads(("corpus.annotation.mode", "corpus.annotation.min_pages", "corpus.annotation.min_rate"))


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point."""
    parser = job_parser(__doc__, reusable=True)
    parser.add_argument("--domains", type=Path, required=True, help="output of `mathmill corpus domains`")
    parser.add_argument("--previous", type=Path, help="output of an earlier `mathmill corpus annotate`")
    parser.add_argument(
        "--decisions", type=Path, help="JSON Lines or CSV with url_prefix, is_math and, if known, annotator and time"
    )
    arguments = parser.parse_args(argv)
    return run_job("annotate", arguments, lambda job: run(job, arguments), reads=READS)


def run(job: Job, arguments: argparse.Namespace) -> Figures:
    """Write the table `annotations`: url_prefix, is_math, annotator, time; and `decisions.jsonl`."""
    recipe = job.recipe.corpus.annotation
    prefixes = read_prefixes(arguments.domains, recipe.min_pages)
    decided = {one.url_prefix: one for one in read_table(arguments.previous)} if arguments.previous else {}
    if arguments.decisions:
        decided |= {one.url_prefix: one for one in read_decisions(arguments.decisions)}
    by_person = {name for name, one in decided.items() if one.by_person}
    if recipe.mode == AUTO or not arguments.decisions:
        decided |= {
            row["url_prefix"]: _by_thresholds(row, recipe) for row in prefixes if row["url_prefix"] not in by_person
        }
    rows = [decided[name] for name in sorted(decided)]
    write_table(rows, job.out)
    write_text(job.out / "decisions.jsonl", to_json_lines(rows))
    mathematical = [one.url_prefix for one in rows if one.is_math]
    job.run.log_text("\n".join(mathematical), "mathematical_prefixes.txt")
    return {"prefixes": len(prefixes), "decided": len(rows), "by_person": len(by_person), "math": len(mathematical)}


def _by_thresholds(prefix: dict[str, int], recipe: AnnotationRecipe) -> Decision:
    is_math = prefix["collected"] >= recipe.min_rate * prefix["pages"]
    return Decision(str(prefix["url_prefix"]), is_math, AUTO, datetime.now(UTC))


if __name__ == "__main__":
    sys.exit(main())
