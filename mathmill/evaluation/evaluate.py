"""Measure the accuracy of models on held-out questions, and keep every graded completion."""

import argparse
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from mathmill.errors import UserError
from mathmill.evaluation.accuracy import chosen_k, score
from mathmill.evaluation.grading import Grader, Verdict, count_outcomes
from mathmill.evaluation.models import EvaluatedModel, choose_models, load_model
from mathmill.evaluation.prompting import Programs
from mathmill.evaluation.prompts import Prompts
from mathmill.evaluation.report import log_report
from mathmill.evaluation.results import Item, Result, write_results
from mathmill.evaluation.tasks import choose_tasks
from mathmill.evaluation.verification import Rating, Verifier
from mathmill.job import Figures, Job, job_parser, run_job
from mathmill.progress import progress
from mathmill.questions import Question, load_questions
from mathmill.recipe import Recipe
from mathmill.rollout.engine import Completion, Engine

if TYPE_CHECKING:
    from mathmill.rollout.search import Search

log = logging.getLogger("mathmill")


def draw_completions(
    engine: Engine,
    prompts: Prompts,
    questions: Sequence[Question],
    *,
    recipe: Recipe,
    samples: int,
    search: "Search | None" = None,
) -> list[list[Completion]]:
    """The completions of each question, or the one that `search` finds, in portions so that progress shows."""
    portion = max(1, 4 * recipe.evaluation.batch // (search.rows if search else samples))
    starts = range(0, len(questions), portion)
    completions: list[list[Completion]] = []
    for start in progress(starts, total=len(starts), unit="portions"):
        asked = questions[start : start + portion]
        ids = [prompts.token_ids(question.question) for question in asked]
        sampling, stop = recipe.evaluation.sampling, prompts.stop
        if search is not None:
            completions += [[one] for one in search(asked, ids, sampling, seed=recipe.seed, stop=stop)]
        else:
            completions += engine.generate(ids, sampling, samples=samples, seed=recipe.seed, stop=stop)
    return completions


def evaluate_model(
    model: EvaluatedModel,
    tasks: Mapping[str, Sequence[Question]],
    *,
    grader: Grader,
    recipe: Recipe,
    samples: int,
    programs: Programs,
    verifier: Verifier | None = None,
) -> tuple[list[Result], list[Item]]:
    """The figures and graded completions of one model on all tasks."""
    engine, tokenizer = load_model(model, recipe)
    engine = programs.engine(engine, tokenizer)
    prompts = Prompts.of(model, tokenizer, recipe, programs.form)
    search = None
    if recipe.evaluation.search is not None and verifier is not None:
        from mathmill.rollout.search import Search

        search = Search(recipe.evaluation.search, engine, tokenizer, verifier.model)
    results, items = [], []
    for task, questions in tasks.items():
        log.info("%s: %s, %d questions x %d", model.label, task, len(questions), samples)
        groups = draw_completions(engine, prompts, questions, recipe=recipe, samples=samples, search=search)
        groups = [programs.finished(group) for group in groups]
        verdicts = grade_groups(grader, questions, groups)
        flat = [verdict for group in verdicts for verdict in group]
        ratings, scores = None, None
        if verifier is not None:
            ratings = verifier.rate(questions, [[one.text for one in group] for group in groups])
            scores = [[rating.score for rating in given] for given in ratings]
        results.append(
            Result(
                model=str(model.path),
                role=model.role,
                label=model.label,
                task=task,
                form=programs.form,
                score=score(verdicts, chosen_k(recipe.evaluation.at, samples), scores),
                outcomes=count_outcomes(flat),
                cut=sum(completion.finish_reason == "length" for group in groups for completion in group),
                judge=verifier.judge if verifier else None,
            )
        )
        items += make_items(
            model, task, prompts, questions=questions, groups=groups, verdicts=verdicts, ratings=ratings
        )
    return results, items


def grade_groups(
    grader: Grader, questions: Sequence[Question], groups: Sequence[Sequence[Completion]]
) -> list[list[Verdict]]:
    """The verdict on each completion of each question; all are graded in one go."""
    texts = [completion.text for group in groups for completion in group]
    golds = [question.answer for question, group in zip(questions, groups, strict=True) for _ in group]
    verdicts = iter(grader.grade(texts, golds))
    return [[next(verdicts) for _ in group] for group in groups]


def make_items(
    model: EvaluatedModel,
    task: str,
    prompts: Prompts,
    *,
    questions: Sequence[Question],
    groups: Sequence[Sequence[Completion]],
    verdicts: Sequence[Sequence[Verdict]],
    ratings: Sequence[Sequence[Rating]] | None,
) -> list[Item]:
    """A row for each graded completion."""
    rated: Sequence[Sequence[Rating | None]] = ratings or [[None] * len(group) for group in groups]
    return [
        Item(
            model=str(model.path),
            label=model.label,
            task=task,
            question_id=question.id,
            question=question.question,
            gold=question.answer,
            prompt=prompts.text(question.question),
            sample=sample,
            completion=completion.text,
            answer=verdict.answer,
            outcome=verdict.outcome,
            right=verdict.right,
            finish_reason=completion.finish_reason,
            tokens=len(completion.token_ids),
            score=rating.score if rating else None,
            step_scores=rating.steps if rating else None,
        )
        for question, group, judged, given in zip(questions, groups, verdicts, rated, strict=True)
        for sample, (completion, verdict, rating) in enumerate(zip(group, judged, given, strict=True))
    ]


def evaluate(job: Job, arguments: argparse.Namespace) -> Figures:
    """The job's body."""
    recipe = job.recipe
    samples, search = arguments.samples or recipe.evaluation.samples, recipe.evaluation.search
    if samples > 1 and recipe.evaluation.sampling.temperature == 0:
        raise UserError(
            f"--samples {samples} at temperature 0 are all the same: add --set evaluation.sampling.temperature=0.7"
        )
    _check_reward(arguments, recipe, samples)
    chosen_k(recipe.evaluation.at, samples)
    models = choose_models(recipe, arguments.model)
    sources = choose_tasks(recipe, arguments.tasks, arguments.data)
    tasks = {name: load_questions(source) for name, source in sources.items()}
    verifier = None if arguments.reward is None else Verifier.load(arguments.reward.resolve(), recipe)
    if search is not None and search.kind == "beam" and verifier is not None and verifier.model.kind != "process":
        raise UserError(
            f"{arguments.reward} judges whole solutions, and evaluation.search.kind is beam: name a process model"
        )
    results: list[Result] = []
    items: list[Item] = []
    with ExitStack() as stack:
        grader = stack.enter_context(Grader(processes=min(8, os.cpu_count() or 1)))
        programs = Programs.of(arguments.prompting or recipe.evaluation.prompting, recipe, stack)
        for model in models:
            new_results, new_items = evaluate_model(
                model, tasks, grader=grader, recipe=recipe, samples=samples, programs=programs, verifier=verifier
            )
            results += new_results
            items += new_items
    write_results(job.out, results, items)
    return log_report(job, results, items)


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
    parser.add_argument(
        "--model",
        type=Path,
        nargs="+",
        metavar="DIR",
        help="model folders (default: the recipe's newest rl model and those it was made from)",
    )
    parser.add_argument("--tasks", metavar="A,B", help="task names (default: all of the recipe's)")
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of published question sets, for --tasks")
    parser.add_argument(
        "--prompting",
        choices=["cot", "pot", "tool"],
        help="chain of thought, program of thought, or programs that are run while the model writes (default: the"
        " recipe's evaluation.prompting)",
    )
    parser.add_argument("--samples", type=int, metavar="K", help="completions a question (default: the recipe's)")
    parser.add_argument(
        "--reward", type=Path, metavar="DIR", help="reward model that chooses among the K samples (default: none)"
    )
    arguments = parser.parse_args(argv)
    return run_job("evaluate", arguments, lambda job: evaluate(job, arguments))


if __name__ == "__main__":
    sys.exit(main())
