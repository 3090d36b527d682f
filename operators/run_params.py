"""The form that starting a DAG by hand shows."""

from collections.abc import Mapping

from airflow.sdk import Param

from mathmill.recipe_file import recipe_names

DEFAULT_RECIPE = "deepseekmath-7b"


def run_params(inputs: Mapping[str, str] | None = None) -> dict[str, Param]:
    """The params `recipe`, `overrides` and `fresh`, and one for each upstream output.

    Args:
        inputs: stage of an upstream output and what it is for.
    """
    params = {
        "recipe": Param(
            DEFAULT_RECIPE,
            type="string",
            minLength=1,
            examples=recipe_names(),
            description="Every number of the run: a name in recipes/, or the absolute path of a recipe.",
        ),
        "overrides": Param(
            {},
            type=["object", "null"],
            description='Keys of the recipe to change for this run, for example {"corpus.min_score": 0.6}.',
        ),
    }
    params["fresh"] = Param(
        False,
        type="boolean",
        description="Whether a cleared task throws away what its last job left unfinished and begins anew; else it goes"
        " on from the newest checkpoint.",
    )
    for stage, purpose in (inputs or {}).items():
        params[stage] = Param(
            None,
            type=["string", "null"],
            description=f"{purpose}: a path. Left empty: the recipe's newest finished one.",
        )
    return params
