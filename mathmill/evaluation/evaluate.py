"""Measure the accuracy of models on held-out questions, and keep every graded completion."""

import argparse
import logging
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from mathmill.errors import UserError
from mathmill.evaluation.accuracy import chosen_k
from mathmill.evaluation.contamination import (
    CONTAMINATION,
    contamination_table,
    task_contamination,
    write_contamination,
)
from mathmill.evaluation.disagreements_page import log_disagreements
from mathmill.evaluation.drawing import draw
from mathmill.evaluation.drawing_plan import DrawingPlan, chosen_samples, plan_drawing
from mathmill.evaluation.judging import Judge
from mathmill.evaluation.leaderboard import Published
from mathmill.evaluation.learned_corpus import learned_corpus
from mathmill.evaluation.models import add_model_option, choose_models
from mathmill.evaluation.report import log_leaderboard, log_report
from mathmill.evaluation.results import Item, Result, write_results
from mathmill.evaluation.tasks import Task, choose_tasks
from mathmill.evaluation.verification import Verifier
from mathmill.grading.grader import Grader
from mathmill.job import Figures, Job, job_parser, positive, run_job
from mathmill.questions import Question
from mathmill.questions.benchmarks import benchmark_name
from mathmill.recipe import Recipe
from mathmill.task_file import load_task, task_names

log = logging.getLogger("mathmill")

DRAWN = "drawn"
"""Folder of the completions while the job runs; in the end they all stand in `items.parquet`."""


def evaluate(job: Job, arguments: argparse.Namespace) -> Figures:
    """The job's body."""
    plan, questions = _plan(job.recipe, arguments)
    published = _published(plan.tasks)
    for task, digest in zip(plan.tasks, plan.questions, strict=True):
        job.run.log_input(task.name, digest=digest, source=benchmark_name(task.source), context="evaluation")
    verifier = None if arguments.reward is None else _verifier(arguments.reward, job.recipe)
    log.info("%d models x %d questions x %d samples", len(plan.models), sum(map(len, questions)), plan.samples)
    drawn = draw(plan, questions, job.out / DRAWN, verifier)
    results: list[Result] = []
    items: list[Item] = []
    with Grader(processes=min(8, os.cpu_count() or 1)) as grader:
        judge = Judge(plan, grader, verifier)
        for model, of_model in zip(plan.models, drawn, strict=True):
            for task, asked, rows in zip(plan.tasks, questions, of_model, strict=True):
                result, graded = judge.judge(model, task, asked, rows)
                results.append(result)
                items += graded
    write_results(job.out, results, items)
    figures = log_report(job, results, items)
    log_disagreements(job, items)
    _log_contamination(job, plan, questions, items)
    log_leaderboard(job, results, published)
    shutil.rmtree(job.out / DRAWN)
    return figures


def _plan(recipe: Recipe, arguments: argparse.Namespace) -> tuple[DrawingPlan, list[list[Question]]]:
    samples, search = chosen_samples(recipe, arguments.samples), recipe.evaluation.search
    chosen_k(recipe.evaluation.at, samples)
    _check_reward(arguments, recipe, samples)
    return plan_drawing(
        recipe,
        choose_models(recipe, arguments.model),
        choose_tasks(recipe, arguments.tasks, arguments.data, arguments.limit),
        form=arguments.prompting or recipe.evaluation.prompting,
        samples=samples,
        reward=arguments.reward.resolve() if search is not None else None,
    )


def _published(tasks: Sequence[Task]) -> Published:
    """The paper's figures on all tasks that have a file, and on these."""
    papers = {name: load_task(name).paper for name in task_names()} | {task.name: task.recipe.paper for task in tasks}
    return {
        (task, role, form): percent / 100
        for task, paper in papers.items()
        for role, forms in paper.items()
        for form, percent in forms.items()
    }


def _log_contamination(
    job: Job, plan: DrawingPlan, questions: Sequence[Sequence[Question]], items: Sequence[Item]
) -> None:
    """Show beside the accuracies which questions had stood in the corpus of each model, and were removed."""
    right: dict[tuple[str, str], dict[str, list[bool]]] = {}
    for item in items:
        right.setdefault((item.label, item.task), {}).setdefault(item.question_id, []).append(item.right)
    found = []
    for model in plan.models:
        corpus = learned_corpus(model.path, job.recipe)
        for task, asked in zip(plan.tasks, questions, strict=True):
            shares = {id_: fmean(verdicts) for id_, verdicts in right[model.label, task.name].items()}
            found.append(
                task_contamination(corpus, model.label, task.name, source=task.source, questions=asked, right=shares)
            )
    write_contamination(job.out, found)
    if table := contamination_table(found):
        job.run.log_table(table, CONTAMINATION)


def _verifier(folder: Path, recipe: Recipe) -> Verifier:
    verifier, search = Verifier.load(folder.resolve(), recipe), recipe.evaluation.search
    if search is not None and search.kind == "beam" and verifier.model.kind != "process":
        raise UserError(f"{folder} judges whole solutions, and evaluation.search.kind is beam: name a process model")
    return verifier


def _check_reward(arguments: argparse.Namespace, recipe: Recipe, samples: int) -> None:
    """See that there is a reward model exactly where something is to be chosen.

    Raises:
        UserError: it is not so.
    """
    search = recipe.evaluation.search
    if search is not None and arguments.reward is None:
        raise UserError("evaluation.search seeks answers under a reward model: give --reward DIR, or set it to null")
    if search is not None and samples > 1:
        raise UserError(f"--samples {samples}: evaluation.search finds one answer a question: leave one of them out")
    if search is None and arguments.reward is not None and samples == 1:
        raise UserError("--reward chooses among several samples of a question, and there is one: add --samples K")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job; see `--help`."""
    parser = job_parser(__doc__, stage="evaluation")
    add_model_option(parser)
    parser.add_argument(
        "--tasks",
        metavar="A,B",
        help="tasks of the recipe, names in tasks/, or paths of such files (default: all of the recipe's)",
    )
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="folder of published question sets, in which tasks name their files"
    )
    parser.add_argument(
        "--limit", type=positive, metavar="N", help="questions of each task, the first ones (default: all)"
    )
    parser.add_argument(
        "--prompting",
        choices=["cot", "pot", "tool"],
        help="chain of thought, program of thought, or programs that are run while the model writes (default: the"
        " recipe's evaluation.prompting)",
    )
    parser.add_argument("--samples", type=positive, metavar="K", help="completions a question (default: the recipe's)")
    parser.add_argument(
        "--reward", type=Path, metavar="DIR", help="reward model that chooses among the K samples (default: none)"
    )
    arguments = parser.parse_args(argv)
    return run_job("evaluate", arguments, lambda job: evaluate(job, arguments), resume=True)


if __name__ == "__main__":
    sys.exit(main())
