"""Measure how many theorems of miniF2F models prove in Isabelle, from informal statement, informal proof and statement.

Every proof is written as a whole theory file. The recipe's `evaluation.proofs` names the command that checks them;
without one the theories are left unchecked, and no figure is given.
"""

import argparse
import logging
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from mathmill.errors import UserError
from mathmill.evaluation.accuracy import chosen_k
from mathmill.evaluation.drawing_plan import (
    Drawn,
    DrawnQuestion,
    chosen_samples,
    prompts_at_a_time,
    read_portion,
    write_portion,
)
from mathmill.evaluation.models import EvaluatedModel, add_model_option, choose_models, load_model
from mathmill.job import Figures, Job, job_parser, positive, run_job
from mathmill.progress import progress
from mathmill.proofs.checker import WITHOUT, ProofChecker, Theory
from mathmill.proofs.proofs import (
    STOP,
    Problem,
    probe_text,
    prompt_text,
    prompt_token_ids,
    proof_of,
    read_problems,
    refusal,
    theory_text,
)
from mathmill.proofs.results import Attempt, figures, log_results, proof_results, write_results
from mathmill.recipe import Recipe

log = logging.getLogger("mathmill")

DRAWN = "drawn"
"""Folder of the completions while the job runs, so that a job that was killed draws none twice."""


def draw(
    model: EvaluatedModel, problems: Sequence[Problem], recipe: Recipe, samples: int, folder: Path
) -> list[DrawnQuestion]:
    """The model's completions of each problem's prompt, drawn in portions that are kept in `folder`.

    Raises:
        UserError: a portion there is of other problems.
    """
    folder.mkdir(parents=True, exist_ok=True)
    portion = prompts_at_a_time(recipe, samples)
    starts = range(0, len(problems), portion)
    missing = [start for start in starts if not (folder / f"{start}.json").is_file()]
    if missing:
        engine, tokenizer = load_model(model, recipe)
        for start in progress(missing, total=len(starts), unit="portions", start=len(starts) - len(missing)):
            ids = [prompt_token_ids(tokenizer, problem) for problem in problems[start : start + portion]]
            groups = engine.generate(ids, recipe.evaluation.sampling, samples=samples, seed=recipe.seed, stop=STOP)
            drawn = [[Drawn.of(one) for one in group] for group in groups]
            prompts = [prompt_text(problem) for problem in problems[start : start + portion]]
            write_portion(folder / f"{start}.json", list(map(DrawnQuestion, prompts, drawn)))
    rows = [row for start in starts for row in read_portion(folder / f"{start}.json")]
    if [row.prompt for row in rows] != [prompt_text(problem) for problem in problems]:
        raise UserError(
            f"the problems have changed since {folder.parent.parent} was begun: remove it, or choose another --out"
        )
    return rows


def attempts_of(
    model: EvaluatedModel,
    task: str,
    problems: Sequence[Problem],
    drawn: Sequence[DrawnQuestion],
    recipe: Recipe,
) -> list[Attempt]:
    """A row for each completion, its theory made and not checked; `refused` where it is no proof."""
    hammer = recipe.evaluation.proofs.hammer if recipe.evaluation.proofs else None
    attempts = []
    for problem, row in zip(problems, drawn, strict=True):
        for sample, completion in enumerate(row.completions):
            proof = proof_of(completion.text)
            reason = refusal(proof)
            attempts.append(
                Attempt(
                    model=str(model.path),
                    role=model.role,
                    label=model.label,
                    task=task,
                    problem=problem.problem_name,
                    sample=sample,
                    prompt=row.prompt,
                    completion=completion.text,
                    finish_reason=completion.finish_reason,
                    tokens=completion.tokens,
                    theory=theory_text(problem, proof, hammer),
                    verdict="refused" if reason else "unchecked",
                    output=reason or "",
                    seconds=0.0,
                )
            )
    return attempts


def prove(job: Job, arguments: argparse.Namespace) -> Figures:
    """The job's body."""
    recipe = job.recipe
    samples = chosen_samples(recipe, arguments.samples)
    at = chosen_k(recipe.evaluation.at, samples)
    task = f"minif2f_{arguments.split}"
    problems = read_problems(arguments.data / "minif2f" / f"{arguments.split}.jsonl", arguments.limit)
    checker = _checker(recipe, arguments.check, problems[0])
    attempts: list[Attempt] = []
    for model in choose_models(recipe, arguments.model):
        log.info("%s: %s, %d theorems x %d", model.label, task, len(problems), samples)
        drawn = draw(model, problems, recipe, samples, job.out / DRAWN / model.label)
        attempts += attempts_of(model, task, problems, drawn, recipe)
    if checker is not None:
        attempts = checked(checker, attempts)
    results = proof_results(attempts, at=at, is_checked=checker is not None)
    write_results(job.out, results, attempts)
    log_results(job.run, results, attempts)
    shutil.rmtree(job.out / DRAWN)
    if checker is None:
        log.warning("prove: no checker, so the theories are unchecked and no accuracy is given: set evaluation.proofs")
    return figures(results)


def checked(checker: ProofChecker, attempts: Sequence[Attempt]) -> list[Attempt]:
    """The attempts with the command's verdicts; those that are refused are not given to it."""
    waiting = [one for one in attempts if one.verdict == "unchecked"]
    verdicts = iter(checker.check([Theory(one.problem, one.theory) for one in waiting]))
    return [one.with_verdict(next(verdicts)) if one.verdict == "unchecked" else one for one in attempts]


def _checker(recipe: Recipe, wanted: bool | None, problem: Problem) -> ProofChecker | None:
    """The checker, after a probe under the problem's imports; None if there is to be none.

    Raises:
        UserError: it is wanted and not there, or does not work.
    """
    proofs = recipe.evaluation.proofs
    if proofs is None:
        if wanted:
            raise UserError(f"--check needs a checker: set evaluation.proofs in the recipe, or {WITHOUT}")
        return None
    if wanted is False:
        return None
    checker = ProofChecker(proofs, isolation=recipe.sandbox.isolation)
    right, wrong = (Theory(problem.problem_name, probe_text(problem, one)) for one in ("True", "False"))
    checker.probe(right, wrong)
    return checker


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job; see `--help`."""
    parser = job_parser(__doc__, stage="proofs")
    add_model_option(parser)
    parser.add_argument(
        "--data", type=Path, metavar="DIR", required=True, help="folder with minif2f/test.jsonl and validation.jsonl"
    )
    parser.add_argument("--split", choices=["test", "validation"], default="test", help="default: %(default)s")
    parser.add_argument("--limit", type=positive, metavar="N", help="only the first N theorems (default: all)")
    parser.add_argument("--samples", type=positive, metavar="K", help="proofs a theorem (default: the recipe's)")
    parser.add_argument(
        "--check",
        action=argparse.BooleanOptionalAction,
        help="whether to check the proofs (default: if the recipe has evaluation.proofs)",
    )
    arguments = parser.parse_args(argv)
    return run_job("prove", arguments, lambda job: prove(job, arguments), resume=True)


if __name__ == "__main__":
    sys.exit(main())
