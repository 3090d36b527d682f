"""The whole corpus loop without Airflow: the stages of `corpus_refresh`, one after another, in one Spark session.

With `--previous`, the output of an earlier build, it is a refresh: pages that the earlier build has are dropped, its
last classifier scores what is new, its seed and annotations are grown, and its corpus is a part of the new one.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
    report,
    score,
    selection,
    tokenization,
)
from mathmill.corpus.layout import Build
from mathmill.errors import UserError
from mathmill.job import exit_code, job_parser
from mathmill.job_record import JobRecord
from mathmill.output import require_finished
from mathmill.recipe import Recipe
from mathmill.recipe_file import load_recipe

Main = Callable[[Sequence[str]], int]


class StageError(Exception):
    """A stage ended with this exit code and has said why."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Stages:
    """Runs stages with the options that all of them take."""

    common: Sequence[str]
    reuse: Sequence[str] = ()

    def __call__(self, run: Main, out: Path, **inputs: object) -> None:
        """Run one stage; inputs that are None are left out.

        Raises:
            StageError: it failed.
        """
        options = [
            word
            for name, value in inputs.items()
            if value is not None
            for word in (f"--{name}", *(value if isinstance(value, list) else [str(value)]))
        ]
        if code := run([*self.common, *self.reuse, *options, "--out", str(out)]):
            raise StageError(code)


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point. A build that was interrupted goes on where it was."""
    parser = job_parser(__doc__, stage="corpus", reusable=True)
    parser.add_argument("--input", nargs="+", help="WARC files, globs or warc.paths.gz (default: corpus.input)")
    parser.add_argument("--seed", help="first positive pages (default: corpus.seed)")
    parser.add_argument("--benchmarks", nargs="+", help="question sets that no page may hold, beside the recipe's")
    parser.add_argument("--previous", type=Path, help="an earlier build that this one refreshes")
    parser.add_argument(
        "--decisions", type=Path, help="a person's, for every iteration (see `mathmill corpus annotate`)"
    )
    arguments = parser.parse_args(argv)
    try:
        return exit_code(lambda: build(arguments))
    except StageError as error:
        return error.code


def build(arguments: argparse.Namespace) -> None:
    """Run every stage that is not finished, then close the build with its report."""
    recipe = load_recipe(arguments.recipe, arguments.overrides)
    if recipe.corpus.annotation.mode == "person" and not arguments.decisions:
        raise UserError(
            "corpus.annotation is person, but only corpus_refresh in Airflow asks one: give --decisions FILE, or"
            " --set corpus.annotation.mode=auto"
        )
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    layout = Build((arguments.out or home.outputs(recipe.name, "corpus") / now).resolve())
    earlier = None
    if arguments.previous:
        earlier = Build(require_finished(arguments.previous.resolve(), "mathmill corpus build"))
    common = ["--recipe", arguments.recipe, *(part for one in arguments.overrides for part in ("--set", one))]
    stage = Stages(common, ["--reuse", str(arguments.reuse)] if arguments.reuse else [])
    stage(ingest.main, layout.ingested, input=arguments.input)
    stage(dedup.main, layout.unique, pages=layout.ingested, previous=earlier and earlier.unique)
    seed = earlier.last_seed() if earlier else arguments.seed or recipe.corpus.seed
    mine(stage, recipe, layout, seed, earlier, arguments.decisions)
    stage(
        decontaminate.main,
        layout.decontaminated,
        pages=layout.finished_iterations()[-1].collected,
        benchmarks=arguments.benchmarks,
        previous=earlier and earlier.decontaminated,
    )
    stage(tokenization.main, layout.tokens, corpus=layout.corpus, previous=earlier and earlier.tokens)
    Stages(common)(report.main, layout.summary, build=layout.root)
    print(f"corpus: {layout.root}")


def mine(
    stage: Stages, recipe: Recipe, layout: Build, seed: str, earlier: Build | None, decisions: Path | None
) -> None:
    """The iterations, until the recipe's last one or until mining has converged."""
    annotations = earlier and earlier.last_annotations()
    before = None
    for number in range(1, recipe.corpus.iterations + 1):
        this = layout.iteration(number)
        stage(
            classify.main,
            this.classifier,
            seed=seed,
            pages=layout.unique,
            iteration=number,
            collected=before,
            annotations=annotations,
            classifier=earlier.last_classifier() if earlier and number == 1 else None,
        )
        stage(score.main, this.scores, pages=layout.unique, classifier=this.classifier)
        stage(
            selection.main,
            this.collected,
            pages=layout.unique,
            scores=this.scores,
            iteration=number,
            previous=before,
        )
        before = this.collected
        stage(domains.main, this.domains, pages=layout.unique, collected=before, scores=this.scores)
        share = float(JobRecord.read(before).figures["already_collected_share"])
        if number == recipe.corpus.iterations or share >= recipe.corpus.converged_share:
            return
        stage(annotate.main, this.annotations, domains=this.domains, previous=annotations, decisions=decisions)
        annotations = this.annotations
        stage(grow.main, this.seed, seed=seed, pages=layout.unique, collected=before, annotations=annotations)
        seed = str(this.seed)


if __name__ == "__main__":
    sys.exit(main())
