"""Reading a recipe by its name or path, with overrides of its keys."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mathmill.errors import UserError
from mathmill.home import CHECKOUT
from mathmill.recipe import Recipe
from mathmill.section_file import parse_yaml, read_mapping, validate

RECIPES = CHECKOUT / "recipes"
SHORT = ("corpus.annotation", "evaluation.promotion")
"""Sections that may be written as their `mode` alone."""


def load_recipe(reference: str, overrides: Sequence[str] = ()) -> Recipe:
    """Read and validate a recipe.

    Args:
        reference: a path, or the name of a file in `recipes/` without its suffix.
        overrides: `section.key=value` strings, the value written as in YAML.

    Raises:
        UserError: one line with file, key and mend.
    """
    path = recipe_path(reference)
    values = read_mapping(path, "a recipe")
    for override in overrides:
        _apply(values, override)
    return validate(Recipe, values, f"{path} with --set" if overrides else str(path))


def recipe_path(reference: str) -> Path:
    """The file that `reference`, a path or a name, stands for.

    Raises:
        UserError: there is none; the message lists the names there are.
    """
    named = RECIPES / f"{reference}.yaml"
    path = named if named.is_file() else Path(reference)
    if not path.is_file():
        raise UserError(f"no recipe '{reference}': give a path, or one of {', '.join(recipe_names())}")
    return path


def recipe_names() -> list[str]:
    """The names of the recipes in `recipes/`, sorted."""
    return sorted(path.stem for path in RECIPES.glob("*.yaml"))


def _apply(values: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals:
        raise UserError(f"--set {override}: write it as section.key=value")
    *sections, last = key.strip().split(".")
    target = values
    for depth, section in enumerate(sections, start=1):
        if ".".join(sections[:depth]) in SHORT and isinstance(target.get(section), str):
            target[section] = {"mode": target[section]}
        target = target.setdefault(section, {})
        if not isinstance(target, dict):
            raise UserError(f"--set {key}: '{section}' is a value, not a section")
    try:
        target[last] = parse_yaml(text)
    except ValueError as error:
        raise UserError(f"--set {override}: the value is not valid YAML") from error
