"""The first task of every DAG: check the recipe and settle what the run reads and where it writes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
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
NEWEST = "newest"
"""As the param `previous`: the recipe's newest finished build."""
CRAWL = "crawl"
"""In a request: the crawl that the run is for."""


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
        request = _request(context)
        try:
            plan = self.plan(context["run_id"], request)
        except UserError as error:
            raise AirflowFailException(str(error)) from None
        except CrawlHeldError as held:
            self.log.info("%s", held)
            raise AirflowSkipException(str(held)) from None
        self.log.info("%s with recipe %s %s: %s", self.makes, plan.recipe, plan.overrides, plan.out)
        return plan.to_xcom()

    def plan(self, run_id: str, request: Mapping[str, Any]) -> Plan:
        """The plan for `request`, which has the names of the DAG's params.

        Raises:
            UserError: recipe, overrides or an input cannot be used.
            CrawlHeldError: it is for a crawl that the refreshed build was mined from.
        """
        reference = recipe_reference(request["recipe"])
        overrides = requested_overrides(request)
        recipe = load_recipe(reference, override_arguments(overrides))
        inputs = {stage: request.get(stage) or str(home.newest_output(recipe.name, stage)) for stage in self.needs}
        for stage, path in inputs.items():
            if not Path(path).is_dir():
                raise UserError(f"param {stage}: {path} is no folder: give the path of a finished output")
        out = home.outputs(recipe.name, self.makes) / home.run_folder(run_id)
        if self.makes == "corpus":
            earlier = _earlier_build(recipe, request.get("previous"), out)
            if earlier and (crawl := request.get(CRAWL)) in earlier.crawls():
                raise CrawlHeldError(f"{earlier.root} holds {crawl} already: it is not mined again")
            inputs |= _corpus_inputs(recipe, earlier)
        return Plan(recipe=reference, name=recipe.name, overrides=overrides, out=str(out), inputs=inputs)


class CrawlHeldError(Exception):
    """The corpus that is to be refreshed was mined from the crawl already."""


def recipe_reference(given: str) -> str:
    """The recipe's name in `recipes/`, or its absolute path.

    Raises:
        UserError: it names none.
    """
    return given if given in recipe_names() else str(recipe_path(given).resolve())


def _earlier_build(recipe: Recipe, previous: str | None, out: Path) -> Build | None:
    """The build that is refreshed: one that is named, or the recipe's newest beside the run's own `out`, if any.

    Raises:
        UserError: the one named is not finished.
    """
    if previous != NEWEST:
        return Build(require_finished(Path(previous), "mathmill corpus build")) if previous else None
    finished = [build for build in home.finished_outputs(recipe.name, "corpus") if build != out]
    return Build(finished[-1]) if finished else None


def _corpus_inputs(recipe: Recipe, earlier: Build | None) -> dict[str, str]:
    """What a corpus build begins with: the recipe's seed, or all that an earlier build taught; empty where nothing."""
    if earlier is None:
        return {"seed": recipe.corpus.seed} | dict.fromkeys(REFRESHED, "")
    known = (
        earlier.last_classifier(),
        earlier.last_annotations(),
        earlier.unique,
        earlier.decontaminated,
        earlier.tokens,
    )
    return {"seed": earlier.last_seed()} | {name: str(path or "") for name, path in zip(REFRESHED, known, strict=True)}


def _request(context: Context) -> Mapping[str, Any]:
    """What the run was asked for: by the newest event that started it, else by its params.

    The run of a partition refreshes the recipe's newest corpus with the crawl that the partition is.
    """
    events = [event for events in context["triggering_asset_events"].values() for event in events]
    told = [event for event in events if "recipe" in event.extra]
    request: Mapping[str, Any] = context["params"]
    if told:
        extra = max(told, key=lambda event: event.timestamp).extra
        request = {"recipe": extra["recipe"], "overrides": extra["overrides"], **extra.get("outputs", {})}
    crawl = context["partition_key"]
    if crawl is None:
        return request
    overrides = {**(request["overrides"] or {}), "corpus.input": [crawl]}
    return {**request, "overrides": overrides, "previous": NEWEST, CRAWL: crawl}
