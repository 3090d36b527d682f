"""The whole corpus loop without Airflow: the stages of `corpus_refresh`, one after another, in one Spark session."""

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from mathmill import home
from mathmill.corpus import (
    annotate,
    classify,
    decontaminate,
    dedup,
    domains,
    grow,
    ingest,
    score,
    selection,
    tokenization,
)
from mathmill.corpus.layout import Build
from mathmill.corpus.report import close
from mathmill.job import JobRecord, exit_code, job_parser
from mathmill.recipe_file import load_recipe

Main = Callable[[Sequence[str]], int]


class StageError(Exception):
    """A stage ended with this exit code and has said why."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point. A build that was interrupted goes on where it was."""
    parser = job_parser(__doc__, stage="corpus")
    parser.add_argument("--input", nargs="+", help="WARC files, globs or warc.paths.gz (default: corpus.input)")
    parser.add_argument("--seed", type=Path, required=True)
    parser.add_argument("--benchmarks", type=Path)
    arguments = parser.parse_args(argv)
    try:
        return exit_code(lambda: build(arguments))
    except StageError as error:
        return error.code


def build(arguments: argparse.Namespace) -> None:
    """Run every stage that is not finished, then close the build with its report."""
    recipe = load_recipe(arguments.recipe, arguments.overrides)
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    layout = Build((arguments.out or home.outputs(recipe.name, "corpus") / now).resolve())
    common = ["--recipe", arguments.recipe, *(part for one in arguments.overrides for part in ("--set", one))]

    def stage(run: Main, out: Path, **inputs: object) -> None:
        options = [
            part
            for name, value in inputs.items()
            if value is not None
            for part in (f"--{name}", *(value if isinstance(value, list) else [str(value)]))
        ]
        if code := run([*common, *options, "--out", str(out)]):
            raise StageError(code)

    stage(ingest.main, layout.ingested, input=arguments.input)
    stage(dedup.main, layout.unique, pages=layout.ingested)
    seed: Path = arguments.seed.resolve()
    for number in range(1, recipe.corpus.iterations + 1):
        now_at = layout.iteration(number)
        before = layout.iteration(number - 1).collected if number > 1 else None
        stage(classify.main, now_at.classifier, seed=seed, pages=layout.unique)
        stage(score.main, now_at.scores, pages=layout.unique, classifier=now_at.classifier)
        stage(
            selection.main,
            now_at.collected,
            pages=layout.unique,
            scores=now_at.scores,
            iteration=number,
            previous=before,
        )
        stage(domains.main, now_at.domains, pages=layout.unique, collected=now_at.collected)
        share = float(JobRecord.read(now_at.collected).figures["already_collected_share"])
        if number == recipe.corpus.iterations or share >= recipe.corpus.converged_share:
            break
        stage(annotate.main, now_at.annotations, domains=now_at.domains)
        stage(
            grow.main,
            now_at.seed,
            seed=seed,
            pages=layout.unique,
            collected=now_at.collected,
            annotations=now_at.annotations,
        )
        seed = now_at.seed
    collected = layout.finished_iterations()[-1].collected
    stage(decontaminate.main, layout.decontaminated, pages=collected, benchmarks=arguments.benchmarks)
    stage(tokenization.main, layout.tokens, corpus=layout.corpus)
    close(layout)
    print(f"corpus: {layout.root}")


if __name__ == "__main__":
    sys.exit(main())
