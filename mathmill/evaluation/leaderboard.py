"""The leaderboard of a recipe: the newest figures of all its models on all tasks, beside the paper's."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mathmill.errors import UserError
from mathmill.evaluation.accuracy import Proportion
from mathmill.evaluation.results import Result, read_results
from mathmill.home import finished_outputs
from mathmill.output import SUCCESS
from mathmill.recipe_questions import SolutionFormat
from mathmill.tracking.registry import champion, version_at

log = logging.getLogger("mathmill")

ROLES = ("base", "instruct", "rl")
"""In the order in which models are made from each other."""
FORMS: dict[SolutionFormat, str] = {
    "cot": "Chain of thought",
    "pot": "Program of thought",
    "tool": "Tool-integrated reasoning",
}

Published = Mapping[tuple[str, str, SolutionFormat], float]
"""The accuracies, as shares, that the paper gives its 7B models, by task, role and form."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The results of one evaluation, finished or about to be."""

    folder: Path
    time: str
    """When it was finished; ISO 8601, UTC."""
    results: Sequence[Result]


@dataclass(frozen=True, slots=True)
class Entry:
    """A model's newest accuracy on a task in a form; one of `leaderboard.json`'s list."""

    model: str
    """The model's folder or hub id."""
    role: str
    version: str
    """The model's version in the registry, and whether it is champion; empty if it is not registered."""
    task: str
    form: SolutionFormat
    n: int
    """Questions."""
    samples: int
    """Completions a question."""
    strict: Proportion
    paper: Proportion | None
    """By the paper's rules; None where they were not asked."""
    paper_programs: Proportion | None
    """By the paper's rules on the last program's output; None without programs that the model goes on after."""
    published: float | None
    """The accuracy that the paper gives its 7B model of this role, a share; None where it gives none."""
    evaluation: str
    """The evaluation's folder."""
    time: str


def leaderboard(
    evaluations: Iterable[Evaluation], published: Published, versions: Mapping[tuple[str, str], str]
) -> list[Entry]:
    """The newest result of each model on each task in each form: by role, then models as they were first evaluated.

    Answers that were sought under a reward model (`evaluation.search`) are no figures of the model alone, so that they
    are left out.

    Args:
        evaluations: the oldest first.
        published: the paper's figures.
        versions: `Entry.version` by the model's role and folder.
    """
    newest: dict[tuple[str, str, SolutionFormat], Entry] = {}
    for evaluation in evaluations:
        for result in evaluation.results:
            sought = result.verification is not None and result.score.samples == 1
            if not sought:
                # A key that is there keeps its place, so that models stand as they were first evaluated.
                newest[result.model, result.task, result.form] = _entry(result, evaluation, published, versions)
    return sorted(newest.values(), key=lambda entry: ROLES.index(entry.role))


def _entry(
    result: Result, evaluation: Evaluation, published: Published, versions: Mapping[tuple[str, str], str]
) -> Entry:
    return Entry(
        model=result.model,
        role=result.role,
        version=versions.get((result.role, result.model), ""),
        task=result.task,
        form=result.form,
        n=result.score.n,
        samples=result.score.samples,
        strict=result.score.share,
        paper=result.paper.share if result.paper else None,
        paper_programs=result.paper_programs.share if result.paper_programs else None,
        published=published.get((result.task, result.role, result.form)),
        evaluation=str(evaluation.folder),
        time=evaluation.time,
    )


def finished_evaluations(recipe_name: str) -> list[Evaluation]:
    """Every finished evaluation of the recipe in the home that this version can read, the oldest first."""
    found = []
    for folder in finished_outputs(recipe_name, "evaluation"):
        try:
            results = read_results(folder)
        except UserError as error:
            log.warning("not on the leaderboard: %s", error)
        else:
            time = datetime.fromtimestamp((folder / SUCCESS).stat().st_mtime, UTC)
            found.append(Evaluation(folder, time.isoformat(timespec="seconds"), results))
    return found


def registered_versions(recipe_name: str, evaluations: Iterable[Evaluation]) -> dict[tuple[str, str], str]:
    """`Entry.version` of the evaluated models that are in the registry, by role and folder."""
    models = dict.fromkeys((result.role, result.model) for one in evaluations for result in one.results)
    champions = {role: champion(recipe_name, role) for role in ROLES}
    found = {}
    for role, model in models:
        version, reigning = version_at(recipe_name, role, Path(model)), champions[role]
        if version is not None:
            reigns = reigning is not None and reigning.number == version.number
            found[role, model] = f"version {version.number}{', champion' if reigns else ''}"
    return found


def leaderboard_row(entry: Entry) -> dict[str, Any]:
    """The entry as a line of a table."""
    graders = {"strict": entry.strict, "paper's rules": entry.paper, "paper's rules on programs": entry.paper_programs}
    shares = {
        f"{grader}{end}": None if seen is None else getattr(seen, name)
        for grader, seen in graders.items()
        for end, name in (("", "share"), (" 95% low", "low"), (" 95% high", "high"))
    }
    return {
        "role": entry.role,
        "version": entry.version,
        "task": entry.task,
        "form": entry.form,
        "n": entry.n,
        "samples": entry.samples,
        **shares,
        "paper's model": entry.published,
        "folder": entry.model,
        "evaluation": entry.evaluation,
    }
