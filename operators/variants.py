"""The runs that a comparison is made of."""

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from mathmill import home
from mathmill.errors import UserError
from mathmill.recipe import Recipe
from mathmill.recipe_file import load_recipe
from operators.plan import Plan, override_arguments

MEASURED = "measured"
"""XCom key of the arguments that name the compared models."""


@task
def pretraining_variants(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """One pretraining for each of the params `corpora`, cut at each of `top_tokens`, changed by each of `variants`."""
    params = get_current_context()["params"]
    try:
        runs = pretrainings(Plan(**plan), params["corpora"] or [], params["top_tokens"] or [], params["variants"] or {})
    except UserError as error:
        raise AirflowFailException(str(error)) from None
    measure([run["out"] for run in runs])
    return runs


def pretrainings(
    plan: Plan, corpora: Sequence[str], top_tokens: Sequence[int], variants: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The arguments of each pretraining: the product of the three, of which an empty one counts as nothing changed.

    Args:
        plan: of the DAG run.
        corpora: corpus builds; empty: the recipe's newest.
        top_tokens: how many tokens of the highest scores to keep of the corpus itself.
        variants: keys of the recipe and their values, by a name.

    Raises:
        UserError: there is no corpus, or a variant makes no recipe.
    """
    places = [Path(place) for place in corpora] or [home.newest_output(plan.name, "corpus")]
    cuts: Sequence[int | None] = top_tokens or [None]
    runs = []
    for (number, place), tokens, (name, changes) in product(
        enumerate(places, start=1), cuts, (variants or {"": {}}).items()
    ):
        changed = dict(changes)
        if tokens is not None:
            recipe = load_recipe(plan.recipe, override_arguments({**plan.overrides, **changes}))
            changed["pretrain.mixture"] = _cut(recipe, tokens)
        load_recipe(plan.recipe, override_arguments({**plan.overrides, **changed}))
        parts = [
            f"{number}-{place.name}" if len(places) > 1 else "",
            f"top-{tokens / 1e6:g}M" if tokens is not None else "",
            name,
        ]
        folder = "-".join(filter(None, parts)) or place.name
        runs.append({"out": f"{plan.out}/{folder}", "changes": changed, "arguments": ["--input", str(place)]})
    return runs


def _cut(recipe: Recipe, tokens: int) -> list[dict[str, Any]]:
    """The recipe's mixture with its own corpus cut to the best `tokens`."""
    cut = [
        source.model_copy(update={} if source.path else {"top_tokens": tokens}) for source in recipe.pretrain.mixture
    ]
    return [source.model_dump(mode="json") for source in cut]


def measure(models: Sequence[str]) -> None:
    """Leave the arguments that name `models` as the task's XCom."""
    get_current_context()["ti"].xcom_push(key=MEASURED, value=["--model", *models])
