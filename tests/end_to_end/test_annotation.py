"""A person decides about two domains on the page inside Airflow, and mining goes on with exactly these decisions."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from mathmill.corpus.layout import Build
from mathmill.demo.recording import record
from mathmill.demo.site import serve
from mathmill.stack.airflow_api import AirflowApi, DagRun
from mathmill.stack.services import Stack, stop_stack
from mathmill.stack.settings import USER, password
from mathmill.stack.up import start_stack
from tests.corpus.small_crawl import MATH, OTHER, SETTINGS, words_drawn
from tests.plugins.browser import PATIENCE_MS, chromium

DEADLINE_SECONDS = 900
SITES = ("mixed.example", "blog.example")
"""A third of each is mathematics: candidates, about whose folders thresholds and a person can disagree."""


def _pages() -> dict[str, str]:
    pages = {}
    for place, site in enumerate(SITES):
        pages |= {f"http://{site}/m/{n}.html": words_drawn(MATH, 1000 * place + n) for n in range(8)}
        pages |= {f"http://{site}/o/{n}.html": words_drawn(OTHER, 1000 * place + n + 100) for n in range(17)}
    return pages | {f"http://food.example/{n}.html": words_drawn(OTHER, 5000 + n) for n in range(50)}


def _crawl(root: Path) -> dict[str, Any]:
    """The overrides of a recipe that mines the sites, with a seed of forty pages."""
    date = datetime(2026, 1, 5, tzinfo=UTC)
    pages = {url: f"<html><body><p>{text}</p></body></html>".encode() for url, text in _pages().items()}
    with serve(pages, date) as port:
        listing = record(list(pages), port, root, date, files=2)
    seed = root / "seed.jsonl"
    rows = [{"url": f"http://seed.example/{n}", "text": words_drawn(MATH, -n - 1)} for n in range(40)]
    seed.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    settings = {key: json.loads(value) for key, _, value in (setting.partition("=") for setting in SETTINGS)}
    return {**settings, "corpus.input": [str(listing)], "corpus.seed": str(seed), "corpus.annotation": "person"}


@contextmanager
def _stack() -> Iterator[Stack]:
    try:
        yield start_stack()
    finally:
        stop_stack()


def _wait(found: Callable[[], bool], airflow: AirflowApi, run: DagRun) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not found():
        assert not airflow.refresh(run).finished, airflow.tasks(run)
        assert time.monotonic() < deadline, airflow.tasks(run)
        time.sleep(1)


def _state(airflow: AirflowApi, run: DagRun, task_id: str) -> str:
    return next(task.state for task in airflow.tasks(run) if task.task_id == task_id)


def _log_in(tab: Any, address: str) -> None:
    tab.goto(address)
    tab.fill("input[name=username]", USER)
    tab.fill("input[name=password]", password())
    tab.click("button[type=submit]")
    tab.wait_for_url(f"{address}/")


def _decide(tab: Any) -> None:
    """From the tab of the run's page: mixed.example is mathematics, blog.example is not."""
    frame = tab.frame_locator("iframe")
    frame.get_by_role("link", name="decide which URL prefixes are mathematics").click()
    frame.locator("#rows .row.focus").wait_for()
    for name, key in (("mixed", "m"), ("blog", "n")):
        frame.locator("#filter").fill(name)
        frame.locator("#filter").press("Escape")
        frame.locator("#rows").press(key)
    frame.get_by_role("button", name="Send decisions").click()
    assert "3 prefixes are mathematics, 3 are not, 0 are undecided" in frame.locator("#summary").inner_text()
    frame.get_by_role("button", name="Send", exact=True).click()
    frame.get_by_text(f"{USER} answered").wait_for()
    frame.locator("#tasks tr", has_text="iteration_1.annotate").wait_for()


def _rows(table: Path, *columns: str) -> list[tuple[Any, ...]]:
    return sorted(tuple(row.values()) for row in pq.read_table(table, columns=list(columns)).to_pylist())


@pytest.mark.slow
def test_a_person_decides_on_the_page_and_the_iteration_goes_on_with_that(tmp_path: Path) -> None:
    overrides = _crawl(tmp_path)
    with chromium() as browser, _stack() as stack:
        airflow = AirflowApi.login(stack.ports)
        airflow.pause("corpus_refresh", paused=False)
        run = airflow.trigger("corpus_refresh", {"recipe": "demo", "overrides": overrides})
        _wait(lambda: _state(airflow, run, "iteration_1.ask") == "awaiting_input", airflow, run)
        tab = browser.new_page()
        tab.set_default_timeout(PATIENCE_MS)
        _log_in(tab, stack.ports.airflow_url)
        tab.goto(f"{airflow.run_url(run)}/plugin/corpus-run")
        _decide(tab)
        _wait(lambda: _state(airflow, run, "iteration_1.grow") == "success", airflow, run)
        build = Build(Path(airflow.result(run, "prepare")["out"]))
        airflow.fail(run)

    first = build.iteration(1)
    decided = _rows(first.annotations / "annotations", "url_prefix", "is_math", "annotator")
    assert decided == [
        (f"{site}{folder}", site == "mixed.example", USER)
        for site in ("blog.example", "mixed.example")
        for folder in ("", "/m", "/o")
    ]
    collected = {url for (url,) in _rows(first.collected / "pages", "url")}
    missed = {url for url in _pages() if url.startswith("http://mixed.example/")} - collected
    assert missed
    seed = {url for (url,) in _rows(first.seed / "pages", "url")}
    assert seed == {f"http://seed.example/{n}" for n in range(40)} | missed
