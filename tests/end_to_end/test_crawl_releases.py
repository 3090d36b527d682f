"""A crawl appears in the list and is mined once; two older ones are asked for by one action, in order."""

import json
import subprocess
import sys
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
from mathmill.home import outputs
from mathmill.stack.airflow_api import AirflowApi, DagRun
from mathmill.stack.services import stop_stack
from mathmill.stack.settings import GPU_POOL
from mathmill.stack.up import start_stack
from operators.crawls_hook import CRAWLS_CONNECTION
from operators.plan import override_arguments
from tests.corpus.small_crawl import MATH, OTHER, SETTINGS, words_drawn
from tests.list_of_crawls import serving_list

DEADLINE_SECONDS = 1800
DATES = [datetime(2026, month, 5, tzinfo=UTC) for month in (1, 2, 3)]
OLD, FIRST, NEW = CRAWLS = "CC-MAIN-2026-02", "CC-MAIN-2026-06", "CC-MAIN-2026-10"
SHARED = "http://math.example/shared.html"
"""A page that every crawl has."""


def _pages(number: int) -> dict[str, bytes]:
    """The pages of a crawl: ten of mathematics, fifteen others, and one that all crawls have."""
    texts = {SHARED: words_drawn(MATH, 4242)}
    texts |= {f"http://math.example/{number}/{n}.html": words_drawn(MATH, 1000 * number + n) for n in range(10)}
    texts |= {f"http://food.example/{number}/{n}.html": words_drawn(OTHER, 1000 * number + n) for n in range(15)}
    return {url: f"<html><body><p>{text}</p></body></html>".encode() for url, text in texts.items()}


def _record(root: Path) -> dict[str, Any]:
    """Record the crawls in Common Crawl's layout; the overrides of a recipe that mines them."""
    for number, date in enumerate(DATES):
        pages = _pages(number)
        with serve(pages, date) as port:
            record(list(pages), port, root, date, files=1)
    seed = root / "seed.jsonl"
    rows = [{"url": f"http://seed.example/{n}", "text": words_drawn(MATH, -n - 1)} for n in range(40)]
    seed.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    settings = {key: json.loads(value) for key, _, value in (setting.partition("=") for setting in SETTINGS)}
    return {**settings, "corpus.iterations": 1, "corpus.seed": str(seed), "corpus.base": str(root)}


@contextmanager
def _airflow() -> Iterator[AirflowApi]:
    try:
        airflow = AirflowApi.login(start_stack().ports)
        # Trainings are started and wait: for a slot, and for one another.
        pool = {"name": GPU_POOL, "slots": 0, "description": "", "include_deferred": True}
        _call(airflow, "PATCH", f"/pools/{GPU_POOL}", pool)
        yield airflow
    finally:
        stop_stack()


def _call(airflow: AirflowApi, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    return airflow._call(method, path, body)  # noqa: SLF001


def _watch(airflow: AirflowApi, **extra: object) -> None:
    body = {"connection_id": CRAWLS_CONNECTION, "conn_type": "mathmill_crawls", "extra": json.dumps(extra)}
    _call(airflow, "POST", "/connections", body)


def _refreshes(airflow: AirflowApi) -> list[tuple[str, DagRun]]:
    """The crawls that were refreshed with, and their runs, in the order in which they were started."""
    found = _call(airflow, "GET", "/dags/corpus_refresh/dagRuns?order_by=start_date&limit=50")["dag_runs"]
    begun = [one for one in found if one["start_date"]]
    return [(one["partition_key"], DagRun(one["dag_id"], one["dag_run_id"], one["state"])) for one in begun]


def _pretrained(airflow: AirflowApi) -> list[str]:
    """The corpora that trainings were started with, in the order in which they were."""
    found = _call(airflow, "GET", "/dags/pretrain/dagRuns?order_by=run_after&limit=50")["dag_runs"]
    return [one["conf"]["corpus"] for one in found]


def _all_ended(airflow: AirflowApi, number: int) -> bool:
    runs = _refreshes(airflow)
    assert all(run.state != "failed" for _, run in runs), [airflow.tasks(run) for _, run in runs]
    return len(runs) >= number and all(run.finished for _, run in runs)


def _wait(found: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not found():
        assert time.monotonic() < deadline
        time.sleep(1)


def _build(airflow: AirflowApi, run: DagRun) -> Build:
    return Build(Path(airflow.result(run, "prepare")["out"]))


def _urls(table: Path) -> set[str]:
    return {row["url"] for row in pq.read_table(table, columns=["url"]).to_pylist()}


def _build_first(overrides: dict[str, Any]) -> Build:
    """The recipe's first corpus, made by the command."""
    build = Build(outputs("demo", "corpus") / "first")
    changed = [word for setting in override_arguments(overrides) for word in ("--set", setting)]
    arguments = ["--recipe", "demo", *changed, "--input", FIRST, "--out", str(build.root)]
    subprocess.run([sys.executable, "-m", "mathmill.corpus.build", *arguments], check=True)
    return build


@pytest.mark.slow
def test_new_crawls_are_mined_once_and_older_ones_by_one_action(tmp_path: Path) -> None:
    overrides = _record(tmp_path)
    before = _build_first(overrides)
    with serving_list([OLD, FIRST]) as listing, _airflow() as airflow:
        _watch(airflow, list=listing.address, recipe="demo", overrides=overrides, hours=0.001)
        _wait(lambda: len(listing.agents) > 1)
        assert _refreshes(airflow) == [], "what there was when the watch began is not announced"

        listing.crawls.append(NEW)
        _wait(lambda: _all_ended(airflow, 1))
        asked = len(listing.agents)
        _wait(lambda: len(listing.agents) > asked + 2)
        ((crawl, run),) = _refreshes(airflow)
        after = _build(airflow, run)
        assert (crawl, after.refreshed(), list(after.crawls())) == (NEW, before, [FIRST, NEW])
        assert SHARED in _urls(before.unique / "pages")
        assert _urls(after.unique / "duplicates") == {SHARED}

        backfill = airflow.trigger("crawl_releases", {"crawls": [FIRST, OLD]})
        _wait(lambda: _all_ended(airflow, 3))
        assert airflow.refresh(backfill).state == "success"
        (_, (older, mined), (held, skipped)) = _refreshes(airflow)
        assert (older, held) == (OLD, FIRST), "the oldest comes first"
        last = _build(airflow, mined)
        assert (last.refreshed(), set(last.crawls())) == (after, set(CRAWLS))

        tasks = {task.task_id: task for task in airflow.tasks(skipped)}
        assert f"holds {FIRST} already" in "\n".join(airflow.log(skipped, tasks["prepare"]))
        assert tasks.pop("close").state == "success"
        assert {task.state for task in tasks.values()} == {"skipped"}
        assert _pretrained(airflow) == [str(after.root), str(last.root)], "one for each that was mined"
