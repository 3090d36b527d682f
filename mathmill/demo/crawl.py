"""The demo's crawl: documentation of installed packages, served on loopback, fetched and recorded as WARC files.

One host name a package. Most pages are not mathematics; those that are belong to other packages than the seed's, so
that the corpus loop has something to find.
"""

import hashlib
import inspect
import json
import logging
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from mathmill import home
from mathmill.corpus.extraction import extract
from mathmill.demo.documentation import NOT_DOCUMENTATION, Package, Rendered, render_packages
from mathmill.demo.homework import plant
from mathmill.demo.recording import crawl_id, record
from mathmill.demo.site import serve
from mathmill.output import is_finished, output_directory, write_text
from mathmill.questions import load_questions
from mathmill.recipe import Recipe

log = logging.getLogger("mathmill")

RECORD = "crawl.json"
SEED = "seed.jsonl"
WARC_FILES = 4
PROCESSES = 2
SHEETS = 12
READINGS = 8
"""Of so many mpmath functions in a row the first is background reading of an exercise sheet, the others are seed."""
LEAST_SEED = 300
"""Characters; a shorter text says little of mathematics."""


def _package(name: str, *parts: str) -> Package:
    return Package(f"{name}.docs.localhost", tuple(f"{name}.{part}" for part in parts) or (name,))


STANDARD_LIBRARY = tuple(
    name
    for name in sorted(sys.stdlib_module_names - NOT_DOCUMENTATION - {"antigravity", "this", "turtledemo"})
    if not name.startswith("_")
)
PACKAGES = (
    Package("python.docs.localhost", STANDARD_LIBRARY),
    _package("pandas", "core", "io"),
    _package("scipy", "special", "linalg", "integrate", "optimize", "stats", "io"),
    _package("sympy", "functions", "ntheory", "calculus", "combinatorics", "series", "geometry", "printing", "parsing"),
    _package("numpy", "linalg", "polynomial", "fft", "random", "lib", "ma", "_core"),
    _package("airflow", "sdk"),
    _package("networkx", "algorithms", "readwrite"),
    _package("pygments"),
    _package("setuptools"),
    _package("rich"),
    _package("flask"),
    _package("werkzeug"),
    _package("jinja2"),
    _package("requests"),
    _package("urllib3"),
)
"""Larger ones first, so that the processes that render them end together."""
SEED_PACKAGES = (_package("mpmath"), _package("sympy", "concrete", "matrices", "polys", "sets", "simplify", "solvers"))


@dataclass(frozen=True, slots=True)
class Crawl:
    """A recorded crawl and the seed that goes with it."""

    root: Path
    """Holds `crawl-data/` and `seed.jsonl`."""
    crawl_id: str
    paths: Path
    """`warc.paths.gz`, what `mathmill corpus ingest --input` takes."""
    seed: Path
    """Positive pages, JSON Lines with `url` and `text`."""
    pages: int
    planted: tuple[str, ...]
    """URLs of the pages that quote evaluation questions."""
    skipped: int
    """Modules without a page: not for this platform, too large, or failing when imported."""


def demo_crawl(recipe: Recipe) -> Crawl:
    """The crawl for `recipe` in the home folder, recorded on first use.

    Crawls of other questions or other package versions lie beside it.
    """
    made_from = {
        "questions": [source.model_dump(mode="json") for source in recipe.evaluation.tasks.values()],
        "packages": {package.host: [*package.modules, _version(package)] for package in [*PACKAGES, *SEED_PACKAGES]},
        "python": sys.version,
    }
    digest = hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()
    return record_crawl(home.home() / "demo" / f"crawl-{digest[:12]}", recipe)


def record_crawl(out: Path, recipe: Recipe, *, date: datetime | None = None) -> Crawl:
    """Record the demo's crawl into `out`, or read the one that is finished there.

    Args:
        out: output directory.
        recipe: its evaluation questions are planted.
        date: names the crawl and dates its records; by default today, at midnight UTC.
    """
    if is_finished(out):
        return _read(out)
    started = time.monotonic()
    date = date or datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    docstrings = _mpmath_docstrings()
    readings = {name: text for place, (name, text) in enumerate(docstrings.items()) if place % READINGS == 0}
    questions = [q.question for source in recipe.evaluation.tasks.values() for q in load_questions(source)]
    planted = plant(questions, list(readings.values())[:SHEETS])
    rendered = render_packages([*PACKAGES, *SEED_PACKAGES], PROCESSES)
    pages = _urls(PACKAGES, rendered) | planted
    seed = {url: extract(html).text for url, html in _urls(SEED_PACKAGES, rendered[len(PACKAGES) :]).items()}
    seed |= {_mpmath_url(name): text for name, text in docstrings.items() if name not in readings}
    with output_directory(out) as partial:
        with serve(pages, date) as port:
            record(sorted(pages), port, partial, date, WARC_FILES)
        _write_seed(partial / SEED, {url: text for url, text in seed.items() if len(text) >= LEAST_SEED})
        facts = {
            "crawl_id": crawl_id(date),
            "pages": len(pages),
            "planted": sorted(planted),
            "skipped": sum(package.skipped for package in rendered),
        }
        write_text(partial / RECORD, json.dumps(facts, indent=2))
    crawl = _read(out)
    seconds = time.monotonic() - started
    log.info(
        "crawl: %d pages, %d of them planted, %d modules skipped, %d seed pages, %.1f s",
        *(crawl.pages, len(planted), crawl.skipped, len(seed), seconds),
    )
    return crawl


def _mpmath_docstrings() -> dict[str, str]:
    """What mpmath says of each of its functions, by name; its modules are not among the crawl's."""
    import mpmath

    functions = {name: value for name, value in sorted(vars(mpmath).items()) if callable(value) and name[0] != "_"}
    texts = {name: inspect.getdoc(function) or "" for name, function in functions.items()}
    return {name: text for name, text in texts.items() if len(text) >= LEAST_SEED}


def _mpmath_url(function: str) -> str:
    return f"http://mpmath.docs.localhost/functions/{function}.html"


def _write_seed(path: Path, texts: Mapping[str, str]) -> None:
    rows = [json.dumps({"url": url, "text": text}, ensure_ascii=False) for url, text in texts.items()]
    write_text(path, "\n".join([*rows, ""]))


def _urls(packages: Sequence[Package], rendered: Sequence[Rendered]) -> dict[str, bytes]:
    return {
        f"http://{package.host}{path}": html.encode("utf-8", "replace")
        for package, result in zip(packages, rendered, strict=False)
        for path, html in result.pages.items()
    }


def _version(package: Package) -> str:
    name = package.modules[0].partition(".")[0]
    try:
        return version({"airflow": "apache-airflow", "git": "GitPython"}.get(name, name))
    except PackageNotFoundError:
        return "of the standard library"


def _read(root: Path) -> Crawl:
    facts = json.loads((root / RECORD).read_text(encoding="utf-8"))
    paths = root / "crawl-data" / facts["crawl_id"] / "warc.paths.gz"
    return Crawl(root, paths=paths, seed=root / SEED, **facts | {"planted": tuple(facts["planted"])})
