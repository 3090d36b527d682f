"""Write docs/recipe.md: every key of a recipe with its type, default and meaning."""

import inspect
import json
import sys
from pathlib import Path
from typing import Any

from pydantic_core import PydanticUndefined

from mathmill.home import CHECKOUT
from mathmill.recipe import Recipe
from mathmill.recipe_types import Section

HEAD = """# Recipe reference

Written by `make docs` from `mathmill/recipe.py` and its parts; do not edit. Defaults are the paper's, or say what was
chosen. `mathmill recipe show NAME` prints a recipe with all of them filled in, `--schema` the JSON schema for editors.
A number may be written as `5e-5` or `120e9`; `--set section.key=value` overrides a key.
"""
BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


def main() -> int:
    """Write the file named by the argument, `docs/recipe.md` by default."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else CHECKOUT / "docs" / "recipe.md"
    path.write_text(reference(), encoding="utf-8")
    return 0


def reference() -> str:
    """The page: a table for each section, the recipe itself first."""
    schema = Recipe.model_json_schema()
    names = ["Recipe", *sorted(schema["$defs"])]
    models = {model.__name__: model for model in Section.__subclasses__()}
    sections = [_section(models[name], schema["$defs"].get(name, schema)) for name in names]
    return "\n".join([HEAD, *sections])


def _section(model: type[Section], schema: dict[str, Any]) -> str:
    types = schema["properties"]
    rows = [
        f"| `{key}` | {_type(types[key])} | {_default(field.default)} | {_cell(field.description or '')} |"
        for key, field in model.model_fields.items()
    ]
    table = ["| key | type | default | meaning |", "|---|---|---|---|", *rows]
    return "\n".join([f"## {model.__name__}", "", inspect.getdoc(model) or "", "", *table, ""])


def _type(schema: dict[str, Any]) -> str:
    """The type that a property's JSON schema stands for, in words."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(_type(choice) for choice in choices)
    if "const" in schema or "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    bounds = "".join(f" {sign} {schema[name]:g}" for name, sign in BOUNDS.items() if name in schema)
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    if schema.get("type") == "object":
        values = schema.get("additionalProperties")
        return f"mapping to {_type(values)}" if isinstance(values, dict) else "mapping"
    return schema.get("type", "any value") + bounds


def _default(value: Any) -> str:
    if value is PydanticUndefined:
        return "required"
    if isinstance(value, Section):
        changed = value.model_dump(mode="json", exclude_defaults=True)
        return _code(changed) if changed else "its defaults"
    if isinstance(value, list):
        value = [
            one.model_dump(mode="json", exclude_defaults=True) if isinstance(one, Section) else one for one in value
        ]
    return _code(value)


def _code(value: Any) -> str:
    return "`" + _cell(json.dumps(value, ensure_ascii=False)) + "`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
