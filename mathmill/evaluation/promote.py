"""Make an evaluated model the champion of its name in the registry, unless the present champion is better.

Or, with `--crown`, exactly those that a person chose.
"""

import logging
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from mathmill.errors import UserError
from mathmill.evaluation.results import Result, read_results
from mathmill.home import newest_output
from mathmill.job import CommandParser, exit_code
from mathmill.output import require_finished
from mathmill.recipe_file import load_recipe
from mathmill.tracking.model_names import registered_name
from mathmill.tracking.registry import Version, champion, crown, version_at
from mathmill.tracking.task_run import task_run

log = logging.getLogger("mathmill")


AUTO = "auto"
"""Who promotes where accuracy decides."""
NOBODY = "none"


@dataclass(frozen=True, slots=True)
class Candidate:
    """An evaluated model, and the champion that its name has."""

    role: str
    version: Version
    reigning: Version | None
    results: Sequence[Result]
    """Of `version`, one for each task."""

    @property
    def label(self) -> str:
        """Names the version, as `demo-rl/3`."""
        return f"{self.version.name}/{self.version.number}"

    @property
    def accuracy(self) -> float:
        """Mean over the tasks."""
        return fmean(result.score.accuracy for result in self.results)

    @property
    def tasks(self) -> str:
        """What it was measured on."""
        return ",".join(sorted(f"{result.task}:{result.form}:{result.score.n}" for result in self.results))

    @property
    def reigns(self) -> bool:
        """Whether it is the champion itself."""
        return self.reigning is not None and self.reigning.number == self.version.number

    @property
    def wins(self) -> bool:
        """Whether its accuracy is not less than that of the champion.

        A champion that was measured on other tasks, or in another form, cannot be compared, and gives way.
        """
        if self.reigning is None or self.reigning.tasks != self.tasks:
            return True
        return self.accuracy >= (self.reigning.accuracy or 0.0)


def candidates(evaluation: Path, recipe_name: str) -> Iterator[Candidate]:
    """The models of a finished evaluation, each with the champion of the moment.

    Raises:
        UserError: one is not in the registry.
    """
    by_model: dict[str, list[Result]] = {}
    for result in read_results(require_finished(evaluation, "mathmill evaluate")):
        by_model.setdefault(result.model, []).append(result)
    for path, results in by_model.items():
        role = results[0].role
        version = version_at(recipe_name, role, Path(path))
        if version is None:
            raise UserError(
                f"the registry has no {registered_name(recipe_name, role)} at {path}:"
                " promote models that `mathmill train` made for this recipe"
            )
        yield Candidate(role, version, champion(recipe_name, role), results)


def promote(
    evaluation: Path, recipe_name: str, chosen: Collection[str] | None = None, by: str = AUTO
) -> dict[str, float]:
    """Move the alias `champion` to each evaluated model that wins against the champion it has, or that was chosen.

    Args:
        evaluation: a finished evaluation.
        recipe_name: names the registered models.
        chosen: labels of those that become champions; None: accuracy decides.
        by: who chose.

    Returns:
        For each role 1 if its model is the champion now, else 0, as `promoted/<role>`.

    Raises:
        UserError: a model of the evaluation is not in the registry, or a chosen one not in the evaluation.
    """
    if chosen is not None:
        labels = [one.label for one in candidates(evaluation, recipe_name)]
        if unknown := sorted(set(chosen) - set(labels)):
            raise UserError(f"{evaluation} evaluates no {unknown[0]}: choose among {', '.join(labels)}")
    promoted: dict[str, float] = {}
    for one in candidates(evaluation, recipe_name):
        crowned = one.wins if chosen is None else one.label in chosen
        if crowned:
            crown(one.version, one.accuracy, one.tasks, by)
            log.info("%s is champion with %.4f on %s, by %s", one.label, one.accuracy, one.tasks, by)
        elif one.reigning is not None:
            log.info("%s: version %s stays champion", one.version.name, one.reigning.number)
        else:
            log.info("%s stays without a champion", one.version.name)
        promoted[f"promoted/{one.role}"] = float(crowned or one.reigns)
    return promoted


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see `--help`."""
    parser = CommandParser(prog="mathmill promote", description=__doc__, allow_abbrev=False)
    parser.add_argument("--recipe", default="deepseekmath-7b", help="name in recipes/ or path (default: %(default)s)")
    parser.add_argument(
        "--evaluation", type=Path, metavar="DIR", help="a finished evaluation (default: the recipe's newest)"
    )
    parser.add_argument(
        "--crown",
        metavar="NAME/VERSION,…",
        help=f"make exactly these champions, `{NOBODY}` for none (default: those that are not worse than the present"
        " champion)",
    )
    parser.add_argument("--by", default=AUTO, metavar="NAME", help="who chose them (default: %(default)s)")
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr, force=True)

    chosen = None
    if arguments.crown is not None:
        chosen = [] if arguments.crown == NOBODY else arguments.crown.split(",")

    def run() -> None:
        recipe = load_recipe(arguments.recipe)
        evaluation = arguments.evaluation or newest_output(recipe.name, "evaluation")
        with task_run(recipe, "promote") as tracked:
            tracked.log_params({"evaluation": evaluation, "by": arguments.by})
            tracked.log_metrics(promote(evaluation.resolve(), recipe.name, chosen, arguments.by))

    return exit_code(run)


if __name__ == "__main__":
    sys.exit(main())
