"""What `mathmill prove` leaves: figures in `proofs.json`, every attempt in `items.parquet`, and the theory files."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Literal, Self

from mathmill.evaluation.accuracy import Proportion
from mathmill.evaluation.estimators import pass_at
from mathmill.evaluation.shown import first_of_each
from mathmill.output import write_parquet, write_records
from mathmill.proofs.checker import Checked
from mathmill.tracking.task_run import TaskRun

PROOFS = "proofs.json"
ITEMS = "items.parquet"
THEORIES = "theories"
SHOWN = 20
"""Attempts of each model in the table of samples; all are in `items.parquet`."""

Verdict = Literal["proved", "failed", "timed_out", "refused", "unchecked"]
"""`failed`: the checker does not accept it. `refused`: it is no proof, or could pretend one, and was not checked
(`mathmill.proofs.proofs.refusal`)."""
CHECKED: tuple[Verdict, ...] = ("proved", "failed", "timed_out", "refused")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One completion and what became of it; a row of `items.parquet`."""

    model: str
    role: str
    label: str
    task: str
    problem: str
    sample: int
    prompt: str
    completion: str
    finish_reason: str
    tokens: int
    theory: str
    """The whole file."""
    verdict: Verdict
    output: str
    """The end of what the checker wrote, or why the attempt was refused."""
    seconds: float
    """That the checker took."""

    def with_verdict(self, checked: Checked) -> Self:
        """The attempt as the checker sees it."""
        return replace(self, verdict=checked.verdict, output=checked.output, seconds=checked.seconds)


@dataclass(frozen=True, slots=True)
class ProofResult:
    """The figures of one model; `proofs.json` is a list of these."""

    model: str
    role: str
    label: str
    task: str
    problems: int
    samples: int
    """Attempts a problem."""
    verdicts: dict[Verdict, int]
    """Attempts by what became of them."""
    cut: int
    """Completions cut at the greatest length."""
    proved: Proportion | None
    """Share of the attempts that are proofs, its interval as of one trial a problem; None: they are unchecked."""
    passed: dict[int, Proportion]
    """Pass@K, by K; nothing where attempts are unchecked or there is one a problem."""


def proof_results(attempts: Sequence[Attempt], *, at: Sequence[int], is_checked: bool) -> list[ProofResult]:
    """The figures of each model, whose attempts stand together, as do those on a problem.

    Args:
        attempts: of one task.
        at: the K of Pass@K, none greater than the attempts a problem.
        is_checked: whether a checker has judged them; without one there are no shares.
    """
    return [_result(list(group), at, is_checked) for _, group in groupby(attempts, key=lambda one: one.label)]


def _result(attempts: Sequence[Attempt], at: Sequence[int], is_checked: bool) -> ProofResult:
    groups = [[one.verdict for one in group] for _, group in groupby(attempts, key=lambda one: one.problem)]
    problems, samples = len(groups), len(groups[0])
    verdicts = Counter(one.verdict for one in attempts)
    counts = [group.count("proved") for group in groups]
    solved = {k: sum(pass_at(samples, count, k) for count in counts) / problems for k in at}
    return ProofResult(
        **{name: getattr(attempts[0], name) for name in ("model", "role", "label", "task")},
        problems=problems,
        samples=samples,
        verdicts=dict(verdicts),
        cut=sum(one.finish_reason == "length" for one in attempts),
        proved=Proportion.of(verdicts["proved"] / len(attempts), problems) if is_checked else None,
        passed={k: Proportion.of(share, problems) for k, share in solved.items()} if is_checked else {},
    )


def write_results(directory: Path, results: Sequence[ProofResult], attempts: Sequence[Attempt]) -> None:
    """Write both files and the theories, `theories/<label>/<problem>-<sample>.thy`, into `directory`."""
    write_records(directory / PROOFS, results)
    write_parquet(directory / ITEMS, attempts)
    for one in attempts:
        folder = directory / THEORIES / one.label
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{one.problem}-{one.sample}.thy").write_text(one.theory, encoding="utf-8")


def figures(results: Sequence[ProofResult]) -> dict[str, float]:
    """The metrics, each named `<what>/<label>/<task>`."""
    metrics: dict[str, float] = {}
    for result in results:
        place = f"{result.label}/{result.task}"
        shares = {"proved": result.proved} if result.proved else {}
        shares |= {f"pass_at_{k}": seen for k, seen in result.passed.items()}
        for name, seen in shares.items():
            metrics |= seen.metrics(name, place)
        metrics[f"theorems/{place}"] = result.problems
        metrics[f"cut/{place}"] = result.cut
        metrics |= {f"{verdict}_attempts/{place}": count for verdict, count in result.verdicts.items()}
    return metrics


def log_results(run: TaskRun, results: Sequence[ProofResult], attempts: Sequence[Attempt]) -> None:
    """Show the figures and some attempts on the page of the MLflow run."""
    rows = [
        {
            "model": one.label,
            "task": one.task,
            "theorems": one.problems,
            "samples": one.samples,
            **{name: one.verdicts.get(name, 0) for name in (*CHECKED, "unchecked")},
            "folder": one.model,
        }
        for one in results
    ]
    run.log_rows(rows, "proofs.json")
    shown = first_of_each(attempts, lambda one: one.label, SHOWN)
    columns = ("label", "problem", "sample", "completion", "verdict", "output")
    run.log_table({name: [getattr(one, name) for one in shown] for name in columns}, "samples.json")
