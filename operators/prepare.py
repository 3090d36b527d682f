"""The first task of every DAG: check the recipe and settle what the run reads and where it writes."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException
from typing_extensions import override

from mathmill import home
from mathmill.errors import UserError
from mathmill.recipe_file import load_recipe, recipe_names, recipe_path
from operators.plan import PREPARE, Plan, override_arguments


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
        overrides = dict(request.get("overrides") or {})
        recipe = load_recipe(reference, override_arguments(overrides))
        inputs = {stage: request.get(stage) or str(home.newest_output(recipe.name, stage)) for stage in self.needs}
        for stage, path in inputs.items():
            if not Path(path).is_dir():
                raise UserError(f"param {stage}: {path} is no folder: give the path of a finished output")
        if self.makes == "corpus":
            inputs["seed"] = recipe.corpus.seed
        out = home.outputs(recipe.name, self.makes) / run_slug(run_id)
        return Plan(recipe=reference, name=recipe.name, overrides=overrides, out=str(out), inputs=inputs)


def run_slug(run_id: str) -> str:
    """A folder name for a DAG run."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", run_id).strip("-.")


def _request(context: Context) -> Mapping[str, Any]:
    """What the run was asked for: by the newest event that started it, else by its params."""
    events = [event for events in context["triggering_asset_events"].values() for event in events]
    told = [event for event in events if "recipe" in event.extra]
    if not told:
        return context["params"]
    extra: Mapping[str, Any] = max(told, key=lambda event: event.timestamp).extra
    return {"recipe": extra["recipe"], "overrides": extra["overrides"], **extra["outputs"]}
