"""Web pages that every machine has: the documentation of installed Python packages, rendered by pydoc.

A page a module. Each class shows what it defines itself, without what it inherits, and data are left out: their
values, unlike their documentation, differ between machines.
"""

import importlib
import inspect
import multiprocessing
import os
import pkgutil
import pydoc
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from types import ModuleType

from typing_extensions import override

NOT_DOCUMENTATION = frozenset(
    {
        "__main__",
        "_precompute",
        "_tests",
        "conftest",
        "externals",
        "idlelib",
        "lib2to3",
        "setup",
        "test",
        "testing",
        "tests",
        "vendor",
    }
)
"""Names of modules that hold no documentation, or act when they are imported."""

TOO_LARGE = 60_000
"""Bytes of HTML from which a page is left out: a listing of constants, or a whole package on one page."""


@dataclass(frozen=True, slots=True)
class Package:
    """Modules that are documented under one host name."""

    host: str
    modules: tuple[str, ...]
    """Importable names; each is documented with all that lies below it."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """The pages of one package."""

    pages: Mapping[str, str]
    """HTML by URL path, sorted."""
    skipped: int
    """Modules that cannot be imported or shown."""


def render_packages(packages: Sequence[Package], processes: int) -> list[Rendered]:
    """The pages of each package, rendered by worker processes that import them."""
    context = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory(prefix="mathmill-documentation-") as scratch,
        ProcessPoolExecutor(processes, mp_context=context, initializer=_quiet, initargs=(scratch,)) as pool,
    ):
        return list(pool.map(_render, packages))


def url_path(module: str) -> str:
    """Where the page of a module stands: `sympy.ntheory.factor_` at `/sympy/ntheory/factor_.html`."""
    return f"/{module.replace('.', '/')}.html"


def _quiet(scratch: str) -> None:
    """Keep imports from writing to the terminal or to the user's folders."""
    os.environ.update(HOME=scratch, AIRFLOW_HOME=scratch, MPLCONFIGDIR=scratch, _AIRFLOW__AS_LIBRARY="1")
    os.chdir(scratch)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    warnings.simplefilter("ignore")
    # Where a docstring is lacking pydoc would parse the module's source for comments: most of its time.
    inspect.getcomments = _no_comments  # type: ignore[assignment]


def _no_comments(_object: object) -> None:
    """Stands in for `inspect.getcomments`."""


def _render(package: Package) -> Rendered:
    pages: dict[str, str] = {}
    skipped = 0
    documentation = _Documentation()
    for name in sorted({name for root in package.modules for name in _walk(root)}):
        page = _page(documentation, name)
        if page is None or len(page) > TOO_LARGE:
            skipped += 1
        else:
            pages[url_path(name)] = page
    return Rendered(pages, skipped)


def _walk(name: str) -> Iterator[str]:
    """The module `name` and all below it; a package that cannot be imported has nothing below it."""
    yield name
    module = _import(name)
    for found in pkgutil.iter_modules(getattr(module, "__path__", [])):
        if found.name not in NOT_DOCUMENTATION and not found.name.startswith("test_"):
            yield from _walk(f"{name}.{found.name}")


def _import(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit):  # noqa: BLE001  other people's modules, many for another platform
        return None


def _page(documentation: "_Documentation", name: str) -> str | None:
    """The page of a module, or None where it cannot be imported or has attributes that cannot be read."""
    module = _import(name)
    if module is None:
        return None
    try:
        contents = documentation.docmodule(module)
    except Exception:  # noqa: BLE001  other people's objects, some of which raise when they are looked at
        return None
    return pydoc.stripid(documentation.page(name, contents))


class _Documentation(pydoc.HTMLDoc):
    @override
    def filelink(self, url: str, path: str) -> str:
        return ""

    @override
    def modulelink(self, object: object) -> str:
        name = getattr(object, "__name__", "")
        return f'<a href="{url_path(name)}">{name}</a>'

    @override
    def modpkglink(self, modpkginfo: tuple[str, str, bool, bool]) -> str:
        name, path, _, _ = modpkginfo
        return f'<a href="{url_path(f"{path}.{name}")}">{name}</a>'

    @override
    def markup(self, text: str, escape: Callable[[str], str] | None = None, *ignored: object) -> str:
        return (escape or self.escape)(text)

    @override
    def docclass(  # type: ignore[override]
        self, object: type, name: str | None = None, mod: str | None = None, *ignored: object
    ) -> str:
        parts = [f'<p><span class="code">{self.markup(pydoc.getdoc(object), self.preformat)}</span></p>']
        for key, member in vars(object).items():
            if pydoc.visiblename(key, obj=object) and (inspect.isroutine(member) or isinstance(member, property)):
                routine = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
                parts.append(self.document(routine, key, mod) if routine else "")
        bases = ", ".join(base.__name__ for base in object.__bases__)
        return self.section(f"class {name or object.__name__}({bases})", "title", "\n".join(parts))

    @override
    def docother(self, object: object, name: str | None = None, mod: str | None = None, *ignored: object) -> str:
        own = callable(object) and object.__doc__ != type(object).__doc__
        return f"<strong>{name}</strong><p>{self.markup(pydoc.getdoc(object), self.preformat)}</p>" if own else ""
