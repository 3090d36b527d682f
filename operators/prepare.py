"""The first task of every DAG: check the recipe and settle what the run reads and where it writes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException
from typing_extensions import override

from mathmill import home
from mathmill.corpus.layout import Build
from mathmill.errors import UserError
from mathmill.output import require_finished
from mathmill.recipe import Recipe
from mathmill.recipe_file import load_recipe, recipe_names, recipe_path
from operators.plan import PREPARE, Plan, override_arguments
from operators.run_params import requested_overrides

REFRESHED = ("classifier", "annotations", "unique", "decontaminated", "tokens")
"""What a refresh takes from an earlier build, as inputs of the plan."""


class PrepareOperator(BaseOperator):
    """Make the run's plan, or fail at once with the one line that says what is wrong.

    A run that an upstream output started takes recipe, overrides and inputs from that output's event; any other
    takes them from its params, and for an input left empty the recipe's newest output.

    Args:
        makes: stage of the run's own output.
        needs: stages of the outputs it reads.
    """

    ui_color = "#e8eef7"

    def __init__(self, *, makes: str, needs: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(task_id=PREPARE, **kwargs)
        self.makes = makes
        self.needs = list(needs)

    @override
    def execute(self, context: Context) -> dict[str, object]:
        try:
            plan = self.plan(context["run_id"], _request(context))
        except UserError as error:
            raise AirflowFailException(str(error)) from None
        self.log.info("%s with recipe %s %s: %s", self.makes, plan.recipe, plan.overrides, plan.out)
        return plan.to_xcom()

    def plan(self, run_id: str, request: Mapping[str, Any]) -> Plan:
        """The plan for `request`, which has the names of the DAG's params.

        Raises:
            UserError: recipe, overrides or an input cannot be used.
        """
        reference = request["recipe"]
        if reference not in recipe_names():
            reference = str(recipe_path(reference).resolve())
        overrides = requested_overrides(request)
        recipe = load_recipe(reference, override_arguments(overrides))
        inputs = {stage: request.get(stage) or str(home.newest_output(recipe.name, stage)) for stage in self.needs}
        for stage, path in inputs.items():
            if not Path(path).is_dir():
                raise UserError(f"param {stage}: {path} is no folder: give the path of a finished output")
        if self.makes == "corpus":
            inputs |= _corpus_inputs(recipe, request.get("previous"))
        out = home.outputs(recipe.name, self.makes) / home.run_folder(run_id)
        return Plan(recipe=reference, name=recipe.name, overrides=overrides, out=str(out), inputs=inputs)


def _corpus_inputs(recipe: Recipe, previous: str | None) -> dict[str, str]:
    """What a corpus build begins with: the recipe's seed, or all that the earlier build taught; empty where nothing.

    Raises:
        UserError: the earlier build is not finished.
    """
    if not previous:
        return {"seed": recipe.corpus.seed} | dict.fromkeys(REFRESHED, "")
    build = Build(require_finished(Path(previous), "mathmill corpus build"))
    known = (build.last_classifier(), build.last_annotations(), build.unique, build.decontaminated, build.tokens)
    return {"seed": build.last_seed()} | {name: str(path or "") for name, path in zip(REFRESHED, known, strict=True)}


def _request(context: Context) -> Mapping[str, Any]:
    """What the run was asked for: by the newest event that started it, else by its params."""
    events = [event for events in context["triggering_asset_events"].values() for event in events]
    told = [event for event in events if "recipe" in event.extra]
    if not told:
        return context["params"]
    extra: Mapping[str, Any] = max(told, key=lambda event: event.timestamp).extra
    return {"recipe": extra["recipe"], "overrides": extra["overrides"], **extra["outputs"]}
