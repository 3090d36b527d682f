"""What a stage reads: keys of the recipe, and files.

A stage declares its keys and is shown no others, so a fingerprint cannot lack one that it uses.
"""

import argparse
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, reduce
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any, TypeVar

from mathmill.home import CHECKOUT
from mathmill.job_record import RECORD, JobRecord
from mathmill.recipe import Recipe
from mathmill.recipe_types import Section
from mathmill.redaction import redacted, without_login
from mathmill.reuse.fingerprint import Fingerprint

ALWAYS_SHOWN = ("name", "spark")
"""Keys that every stage may read, for no output hangs on them."""
HASHED_BYTES = 1 << 20
"""A larger file, and every one in a folder, is known by its path, size and time of change; others by their content."""
ABOVE = 3
"""An input may lie so deep in the output of a stage."""

SomeSection = TypeVar("SomeSection", bound=Section)


@dataclass(frozen=True, slots=True)
class Reads:
    """What a stage's output hangs on, beside its options."""

    keys: tuple[str, ...] = ()
    """Of the recipe, as `section.key` or a whole section."""
    files: Callable[[Recipe, argparse.Namespace], Sequence[str]] | None = None
    """Names files that follow from recipe and options but stand in neither, as those that a glob matches."""

    def shown(self, recipe: Recipe) -> Recipe:
        """The recipe without the keys that are not declared: to read one of them is an AttributeError."""
        return _only(recipe, [key.split(".") for key in (*ALWAYS_SHOWN, *self.keys)])

    def fingerprint(
        self, stage: str, recipe: Recipe, arguments: argparse.Namespace, options: Mapping[str, Any]
    ) -> Fingerprint:
        """The fingerprint of the output that `stage` makes, as recipe and inputs stand now.

        Args:
            stage: its name.
            recipe: the whole recipe.
            arguments: the job's, which say what files it reads.
            options: those of the arguments that the output hangs on; None where one was not given.
        """
        values = redacted(recipe.model_dump(mode="json"))
        settings = {key: reduce(lambda value, name: value[name], key.split("."), values) for key in self.keys}
        inputs = {name: _value(value) for name, value in options.items() if value is not None}
        inputs |= {f"{key} {text}": state(Path(text)) for key, text in _texts(settings) if _is_there(text)}
        if self.files is not None:
            inputs |= {without_login(file): _value(file) for file in self.files(recipe, arguments)}
        return Fingerprint(stage, code_digest(), settings, inputs)


def state(path: Path) -> str:
    """What lies at `path`: the fingerprint of the output that it is in, else a digest of content or of times."""
    for folder in (path, *path.parents[:ABOVE]):
        if (folder / RECORD).is_file():
            record = JobRecord.read(folder)
            made = record.fingerprint.digest() if record.fingerprint else f"{folder} {record.finished}"
            return _digest([made, str(path.relative_to(folder))])
    if path.is_file() and path.stat().st_size <= HASHED_BYTES:
        return _digest([path.read_bytes()])
    files = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
    return _digest(f"{file} {file.stat().st_size} {file.stat().st_mtime_ns}" for file in files)


@cache
def code_digest() -> str:
    """Digest of mathmill's sources, of the task files beside them, and of the versions of the packages it needs."""
    sources = [*(CHECKOUT / "mathmill").rglob("*.py"), *(CHECKOUT / "tasks").glob("*.yaml")]
    contents = [part for path in sorted(sources) for part in (str(path.relative_to(CHECKOUT)), path.read_bytes())]
    return _digest([*contents, *_versions()])


def _only(section: SomeSection, paths: Sequence[Sequence[str]]) -> SomeSection:
    shown = section.model_copy()
    for name in type(section).model_fields:
        below = [path[1:] for path in paths if path[0] == name]
        if not below:
            del shown.__dict__[name]
        elif all(below):
            shown.__dict__[name] = _only(getattr(section, name), below)
    return shown


def _value(given: Any) -> str:
    """What an option's value stands for."""
    if isinstance(given, list):
        return _digest([_value(one) for one in given])
    text = str(given)
    return state(Path(text)) if _is_there(text) else without_login(text)


def _texts(value: Any, above: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a value, with the key that it stands under."""
    if isinstance(value, str):
        yield above, value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _texts(one, f"{above}.{key}" if above else key)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one, above)


def _is_there(text: str) -> bool:
    """Whether `text` is the path of something; a word alone only of a file."""
    path = Path(text)
    try:
        return path.exists() if "/" in text else path.is_file()
    except OSError:
        return False  # too long for a path


def _versions() -> Iterator[str]:
    from packaging.requirements import Requirement

    for line in requires("mathmill") or ():
        name = Requirement(line).name
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            continue  # of an extra that is not installed


def _digest(parts: Iterable[str | bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()
