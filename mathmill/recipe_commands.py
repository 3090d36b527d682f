"""`mathmill recipe show|check`: the validated recipe, or one line that says what to mend."""

import argparse
import json
from collections.abc import Sequence

import yaml

from mathmill.job import CommandParser, exit_code
from mathmill.recipe import Recipe
from mathmill.recipe_file import load_recipe, recipe_path


def main(argv: Sequence[str] | None = None) -> int:
    """Print a recipe in full (`show`), or say that it is valid (`check`)."""
    parser = CommandParser(prog="mathmill recipe", description=__doc__, allow_abbrev=False)
    parser.add_argument("action", choices=["show", "check"])
    parser.add_argument("recipe", help="name in recipes/ or path")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides")
    parser.add_argument("--schema", action="store_true", help="print the JSON schema instead")
    arguments = parser.parse_args(argv)
    return exit_code(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> None:
    recipe = load_recipe(arguments.recipe, arguments.overrides)
    if arguments.schema:
        print(json.dumps(Recipe.model_json_schema(), indent=2))
    elif arguments.action == "show":
        print(yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True), end="")
    else:
        print(f"{recipe_path(arguments.recipe)}: valid, digest {recipe.digest()[:12]}")
