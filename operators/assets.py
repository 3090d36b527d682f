"""The assets by which one DAG's output starts the next DAG.

Every DAG publishes through an alias, because which recipe's asset it makes is known only when it runs. The next DAG
listens to the assets of all recipes in `recipes/`, so that Airflow's asset graph shows them before the first run, and
to the alias, so that a recipe from elsewhere is heard as well.
"""

from airflow.sdk import Asset, AssetAlias, AssetAny

from mathmill.recipe_file import recipe_names

ASSET_PATHS = {
    "corpus": "corpus",
    "base": "model/base",
    "instruct": "model/instruct",
    "reward": "model/reward",
    "rl": "model/rl",
}
"""Stage of an output to the end of its asset's address."""


def output_asset(recipe_name: str, stage: str) -> Asset:
    """The asset `mathmill://<recipe>/…` for the output of `stage`."""
    address = f"mathmill://{recipe_name}/{ASSET_PATHS[stage]}"
    return Asset(name=address, uri=address, group="mathmill")


def output_alias(stage: str) -> AssetAlias:
    """Stands for the asset of `stage`, whatever the recipe."""
    return AssetAlias(f"mathmill-{stage}", group="mathmill")


def after(stage: str) -> AssetAny:
    """The schedule of a DAG that runs whenever some recipe's output of `stage` was made."""
    return AssetAny(*(output_asset(name, stage) for name in recipe_names()), output_alias(stage))
