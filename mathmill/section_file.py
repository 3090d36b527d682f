"""Reading a section from a YAML file; a mistake in it is one `UserError` line with the file, the key and the mend."""

import difflib
import re
import reprlib
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from mathmill.errors import UserError
from mathmill.recipe_types import Section

Kind = TypeVar("Kind", bound=Section)


def read_mapping(path: Path, what: str) -> dict[str, Any]:
    """The keys and values in a YAML file.

    Args:
        path: of the file.
        what: the file is, with its article, for messages.

    Raises:
        UserError: it cannot be read, or holds something else.
    """
    try:
        values = parse_yaml(path.read_bytes().decode("utf-8"))
    except ValueError as error:
        raise UserError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
    if not isinstance(values, dict):
        raise UserError(f"{path}: {what} is a mapping of keys to values, this is {type(values).__name__}")
    return values


def validate(kind: type[Kind], values: dict[str, Any], place: str) -> Kind:
    """The section that `values` stand for.

    Raises:
        UserError: they are none; the message begins with `place`.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise UserError(f"{place}: {_explain(kind, error)}") from error


class _Loader(yaml.SafeLoader):
    """YAML in which `5e-5` and `120e9` are numbers, as YAML 1.2 has it, and no key stands twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if twice := {key for key in keys if keys.count(key) > 1}:
            raise yaml.constructor.ConstructorError(None, None, f"key '{twice.pop()}' stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9][0-9_]*(\.[0-9_]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def parse_yaml(text: str) -> Any:
    """The value that `text` stands for.

    Raises:
        ValueError: it is not valid YAML.
    """
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        raise ValueError(_place_and_problem(error)) from error
    except (yaml.YAMLError, TypeError, KeyError, AttributeError, RecursionError) as error:
        # PyYAML passes on whatever Python raises while it makes a value, for example of `!!bool x`.
        raise ValueError(str(error)) from error


def _place_and_problem(error: yaml.MarkedYAMLError) -> str:
    at, since = error.problem_mark, error.context_mark
    place = f"line {at.line + 1}, column {at.column + 1}: " if at else ""
    context = f" ({error.context} from line {since.line + 1})" if since else ""
    return f"{place}{error.problem}{context}"


def _explain(kind: type[Section], error: ValidationError) -> str:
    """The problem of `error` to mend first, on one line: key, what is wrong, what to write."""
    # A required key that is misspelt is both missing and unknown; the unknown one tells what was meant.
    problem = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    key = ".".join(" ".join(str(part).split()) for part in problem["loc"])
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    if problem["type"] == "extra_forbidden":
        return f"unknown key '{key}'{_suggestion(kind, problem['loc'])}{more}"
    message = problem["msg"].removeprefix("Value error, ")
    if key and problem["type"] not in ("missing", "value_error"):
        return f"{key}: {message}, got {reprlib.repr(problem['input'])}{more}"
    return f"{key}: {message}{more}" if key else f"{message}{more}"


def _suggestion(kind: type[Section], location: tuple[int | str, ...]) -> str:
    """The key that was probably meant, or the keys there are."""
    section: Any = kind.model_json_schema()
    definitions = section.get("$defs", {})
    for part in location[:-1]:
        section = section.get("properties", {}).get(part, {}) if isinstance(part, str) else section.get("items", {})
        reference = section.get("$ref") or next((s["$ref"] for s in section.get("anyOf", []) if "$ref" in s), None)
        section = definitions[reference.rsplit("/", 1)[1]] if reference else section
    known = list(section.get("properties", {}))
    close = difflib.get_close_matches(str(location[-1]), known, n=1)
    if close:
        return f": did you mean '{close[0]}'?"
    return f": known keys are {', '.join(known)}" if known else ": remove it"
