"""Make an evaluated model the champion of its name in the registry, unless the present champion is better."""

import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from mathmill import tracking
from mathmill.errors import UserError
from mathmill.evaluation.results import Result, read_results
from mathmill.home import newest_output
from mathmill.job import CommandParser, exit_code
from mathmill.output import require_finished
from mathmill.recipe_file import load_recipe
from mathmill.registry import Version, champion, crown, version_at

log = logging.getLogger("mathmill")


def promote(evaluation: Path, recipe_name: str) -> dict[str, float]:
    """Move the alias `champion` for each role whose evaluated model is not worse than the champion it has.

    Accuracies are compared as the mean over the tasks. A champion that was measured on other tasks, or in another
    form, cannot be compared, and gives way.

    Args:
        evaluation: a finished evaluation.
        recipe_name: names the registered models.

    Returns:
        For each role 1 if its model is the champion now, else 0, as `promoted/<role>`.

    Raises:
        UserError: a model of the evaluation is not in the registry.
    """
    by_model: dict[str, list[Result]] = {}
    for result in read_results(require_finished(evaluation, "mathmill evaluate")):
        by_model.setdefault(result.model, []).append(result)
    promoted: dict[str, float] = {}
    for path, results in by_model.items():
        role = results[0].role
        version = version_at(recipe_name, role, Path(path))
        if version is None:
            raise UserError(
                f"the registry has no {tracking.registered_name(recipe_name, role)} at {path}:"
                " promote models that `mathmill train` made for this recipe"
            )
        promoted[f"promoted/{role}"] = float(_promote(version, champion(recipe_name, role), results))
    return promoted


def _promote(version: Version, reigning: Version | None, results: Sequence[Result]) -> bool:
    """Whether `version` is the champion after having been compared with the `reigning` one."""
    accuracy = sum(result.score.accuracy for result in results) / len(results)
    tasks = ",".join(sorted(f"{result.task}:{result.form}:{result.score.n}" for result in results))
    comparable = reigning is not None and reigning.tasks == tasks
    if reigning is not None and comparable and accuracy < (reigning.accuracy or 0.0):
        log.info("%s: version %s, with %.4f, stays champion", version.name, reigning.number, reigning.accuracy)
        return reigning.number == version.number
    crown(version, accuracy, tasks)
    log.info("%s: version %s is champion with %.4f on %s", version.name, version.number, accuracy, tasks)
    return True


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see `--help`."""
    parser = CommandParser(prog="mathmill promote", description=__doc__, allow_abbrev=False)
    parser.add_argument("--recipe", default="deepseekmath-7b", help="name in recipes/ or path (default: %(default)s)")
    parser.add_argument(
        "--evaluation", type=Path, metavar="DIR", help="a finished evaluation (default: the recipe's newest)"
    )
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr, force=True)

    def run() -> None:
        recipe = load_recipe(arguments.recipe)
        evaluation = arguments.evaluation or newest_output(recipe.name, "evaluation")
        with tracking.task_run(recipe, "promote") as task_run:
            task_run.log_params({"evaluation": evaluation})
            task_run.log_metrics(promote(evaluation.resolve(), recipe.name))

    return exit_code(run)


if __name__ == "__main__":
    sys.exit(main())
