"""A field of the form for a key of the recipe, made from what the recipe itself says of the key."""

from collections.abc import Mapping, Sequence
from functools import cache, reduce
from typing import Any

from airflow.sdk import Param

from mathmill.recipe import Recipe

Fields = Mapping[str, Sequence[str]]
"""Keys of the recipe by the heading that they stand under."""

BOUNDS = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
KEPT = ("items", "minItems", "maxItems", "minLength", "pattern", "multipleOf", *BOUNDS)
SCALARS = ("string", "integer", "number")
OWN = "(as the recipe says)"


def recipe_fields(fields: Fields) -> dict[str, Param]:
    """A field for each key, named by the key."""
    return {key: recipe_field(key, section) for section, keys in fields.items() for key in keys}


def recipe_field(key: str, section: str) -> Param:
    """An empty field that takes the values of `key` and tells its meaning, bounds and default.

    Args:
        key: `section.key`, as `--set` takes it.
        section: the heading.

    Raises:
        KeyError: the recipe has no such key.
        ValueError: one field cannot hold its values.
    """
    schema = key_schema(key)
    value = _default(key)
    kept = {name: schema[name] for name in KEPT if name in schema}
    if "enum" in schema:
        kept |= {"enum": [None, *schema["enum"]], "values_display": {"null": OWN}}
    return Param(
        None,
        description=" ".join(filter(None, [_meaning(schema), _bounds(schema), _left_empty(value)])),
        type=[schema["type"], "null"],
        section=section,
        **kept,
    )


def key_schema(key: str) -> dict[str, Any]:
    """The JSON schema of a key's values, without null and without the sections that may stand there instead.

    Raises:
        KeyError: the recipe has no such key.
        ValueError: its values are neither numbers, texts nor lists of these.
    """
    found = reduce(lambda schema, name: _resolved(schema["properties"][name]), key.split("."), _schema())
    values = [found, *found.get("anyOf", [])]
    held = [one for one in values if one.get("type") in SCALARS or _is_plain_list(one)]
    if len(held) != 1:
        raise ValueError(f"no field of a form can hold {key}: leave it to overrides")
    return {**found, **held[0]}


@cache
def _schema() -> dict[str, Any]:
    return Recipe.model_json_schema()


@cache
def _defaults() -> dict[str, Any]:
    return Recipe(name="defaults").model_dump(mode="json")


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """`schema` with the section that it points to."""
    if "$ref" not in schema:
        return schema
    return {**_schema()["$defs"][schema["$ref"].rsplit("/", 1)[1]], **schema}


def _is_plain_list(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "array" and schema["items"].get("type") in SCALARS


def _default(key: str) -> Any:
    return reduce(lambda values, name: values[name], key.split("."), _defaults())


def _meaning(schema: Mapping[str, Any]) -> str:
    return " ".join(schema.get("description", "").split())


def _bounds(schema: Mapping[str, Any]) -> str:
    words = [f"{word} {schema[name]:g}" for name, word in BOUNDS.items() if name in schema]
    return f"{' and '.join(words).capitalize()}." if words else ""


def _left_empty(value: Any) -> str:
    silent = "null" if value is None else value
    return f"Left empty: the recipe's own value, {silent} where it says nothing."
