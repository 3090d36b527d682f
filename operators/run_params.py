"""The form that starting a DAG by hand shows, and what it asks for."""

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Param

from mathmill.errors import UserError
from mathmill.recipe_file import recipe_names
from operators.recipe_field import Fields, recipe_fields

DEFAULT_RECIPE = "deepseekmath-7b"
ALERTS: Fields = {"Alerts": ["alerts.connection", "alerts.deadline_hours"]}
"""What every form has."""
OTHERS = "Other keys of the recipe"


def run_params(inputs: Mapping[str, str] | None = None, fields: Fields | None = None) -> dict[str, Param]:
    """The params `recipe`, `fresh` and `overrides`, one for each upstream output, and one for each key of the recipe.

    Args:
        inputs: stage of an upstream output and what it is for.
        fields: keys that have a field of their own, by heading; those of the alerts have one always.
    """
    params = {
        "recipe": recipe_param(DEFAULT_RECIPE, "Every number of the run."),
        "fresh": Param(
            False,
            type="boolean",
            description="Whether everything is made anew: a cleared task then throws away what its last job left"
            " unfinished, instead of going on from the newest checkpoint, and no stage takes over what an earlier run"
            " made with the same code, settings and inputs.",
        ),
    }
    for stage, purpose in (inputs or {}).items():
        params[stage] = Param(
            None,
            type=["string", "null"],
            description=f"{purpose}: a path. Left empty: the recipe's newest finished one.",
        )
    overrides = overrides_param(
        'Keys of the recipe to change for this run, for example {"corpus.min_score": 0.6}; those of the fields above'
        " are better changed there.",
        section=OTHERS,
    )
    return params | recipe_fields({**(fields or {}), **ALERTS}) | {"overrides": overrides}


def requested_overrides(params: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of the recipe that a filled-in form changes: its fields named after keys, and `overrides`.

    Raises:
        UserError: a key is changed in both.
    """
    fields = {key: value for key, value in params.items() if "." in key and value not in (None, "")}
    others = dict(params.get("overrides") or {})
    if twice := sorted(fields.keys() & others.keys()):
        raise UserError(f"param {twice[0]} is filled in and stands in param overrides as well: leave one of them out")
    # A whole section may stand among the others, and a field is a part of it.
    return {**others, **fields}


def recipe_param(default: str | None, purpose: str) -> Param:
    """The field of the recipe; it may be left empty where there is no default."""
    names = recipe_names()
    known = "|".join(name.replace(".", r"\.") for name in names)
    return Param(
        default,
        type="string" if default else ["string", "null"],
        pattern=rf"^({known}|/.+)$",
        examples=names,
        description=f"{purpose} One of {', '.join(names)}, or the absolute path of a recipe.",
    )


def overrides_param(purpose: str, section: str | None = None) -> Param:
    """The field of keys of the recipe that are changed."""
    place = {"section": section} if section else {}
    return Param({}, type=["object", "null"], description=purpose, **place)
