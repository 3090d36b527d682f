"""Measure how many theorems of miniF2F models prove in Isabelle, from informal statement, informal proof and statement.

Every proof is written as a whole theory file. The recipe's `evaluation.proofs` names the command that checks them;
without one the theories are left unchecked, and no figure is given.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from mathmill.errors import UserError
from mathmill.evaluation.models import EvaluatedModel, choose_models, load_model
from mathmill.evaluation.proof_checker import WITHOUT, ProofChecker, Theory
from mathmill.evaluation.proof_results import Attempt, figures, log_results, proof_results, write_results
from mathmill.evaluation.proofs import (
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
from mathmill.job import Figures, Job, job_parser, run_job
from mathmill.progress import progress
from mathmill.recipe import Recipe
from mathmill.rollout.engine import Completion

log = logging.getLogger("mathmill")


def draw(model: EvaluatedModel, problems: Sequence[Problem], recipe: Recipe, samples: int) -> list[list[Completion]]:
    """The model's completions of each problem's prompt, in portions so that progress shows."""
    engine, tokenizer = load_model(model, recipe)
    portion = max(1, recipe.evaluation.batch // samples)
    starts = range(0, len(problems), portion)
    completions: list[list[Completion]] = []
    for start in progress(starts, total=len(starts), unit="portions"):
        ids = [prompt_token_ids(tokenizer, problem) for problem in problems[start : start + portion]]
        completions += engine.generate(ids, recipe.evaluation.sampling, samples=samples, seed=recipe.seed, stop=STOP)
    return completions


def attempts_of(
    model: EvaluatedModel,
    task: str,
    problems: Sequence[Problem],
    groups: Sequence[Sequence[Completion]],
    recipe: Recipe,
) -> list[Attempt]:
    """A row for each completion, its theory made and not checked; `refused` where it is no proof."""
    hammer = recipe.evaluation.proofs.hammer if recipe.evaluation.proofs else None
    attempts = []
    for problem, group in zip(problems, groups, strict=True):
        for sample, completion in enumerate(group):
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
                    prompt=prompt_text(problem),
                    completion=completion.text,
                    finish_reason=completion.finish_reason,
                    tokens=len(completion.token_ids),
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
    samples = arguments.samples or recipe.evaluation.samples
    if samples > 1 and recipe.evaluation.sampling.temperature == 0:
        raise UserError(
            f"--samples {samples} at temperature 0 are all the same: add --set evaluation.sampling.temperature=0.7"
        )
    task = f"minif2f_{arguments.split}"
    problems = read_problems(arguments.data / "minif2f" / f"{arguments.split}.jsonl", arguments.limit)
    checker = _checker(recipe, arguments.check, problems[0])
    attempts: list[Attempt] = []
    for model in choose_models(recipe, arguments.model):
        log.info("%s: %s, %d theorems x %d", model.label, task, len(problems), samples)
        attempts += attempts_of(model, task, problems, draw(model, problems, recipe, samples), recipe)
    if checker is not None:
        attempts = checked(checker, attempts)
    results = proof_results(attempts, is_checked=checker is not None)
    write_results(job.out, results, attempts)
    log_results(job.run, results, attempts)
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
    parser.add_argument(
        "--model",
        type=Path,
        nargs="+",
        metavar="DIR",
        help="model folders (default: the recipe's newest rl model and those it was made from)",
    )
    parser.add_argument(
        "--data", type=Path, metavar="DIR", required=True, help="folder with minif2f/test.jsonl and validation.jsonl"
    )
    parser.add_argument("--split", choices=["test", "validation"], default="test", help="default: %(default)s")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N theorems (default: all)")
    parser.add_argument("--samples", type=int, metavar="K", help="proofs a theorem (default: the recipe's)")
    parser.add_argument(
        "--check",
        action=argparse.BooleanOptionalAction,
        help="whether to check the proofs (default: if the recipe has evaluation.proofs)",
    )
    arguments = parser.parse_args(argv)
    return run_job("prove", arguments, lambda job: prove(job, arguments))


if __name__ == "__main__":
    sys.exit(main())
