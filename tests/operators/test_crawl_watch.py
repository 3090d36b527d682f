"""The trigger that watches the list: a real event loop and web server; Airflow's state of the asset in memory."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from airflow.triggers.base import TriggerEvent

from operators import crawl_watch
from operators.crawl_watch import ANNOUNCED, CRAWL_LIST, CrawlListTrigger
from operators.crawls_hook import CRAWLS_CONNECTION
from tests.list_of_crawls import ListOfCrawls, serving_list

OLD = ["CC-MAIN-2026-02", "CC-MAIN-2026-06"]
NEW = ["CC-MAIN-2026-10", "CC-MAIN-2026-14"]
FIRE_SECONDS = 120


class _State:
    """What Airflow keeps for the asset."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    async def aget(self, key: str, default: Any = None) -> Any:
        return json.loads(self.kept[key]) if key in self.kept else default

    async def aset(self, key: str, value: Any) -> None:
        self.kept[key] = json.dumps(value)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crawl_watch, "LOOK_SECONDS", 0.02)


def _connect(monkeypatch: pytest.MonkeyPatch, server: ListOfCrawls, **extra: Any) -> None:
    settings = {"list": server.address, "recipe": "demo", "hours": 1e-6, **extra}
    connection = {"conn_type": "mathmill_crawls", "extra": settings}
    monkeypatch.setenv(f"AIRFLOW_CONN_{CRAWLS_CONNECTION.upper()}", json.dumps(connection))


def _trigger(state: _State) -> CrawlListTrigger:
    trigger = CrawlListTrigger()
    trigger.asset_state_store = state  # type: ignore[assignment]
    return trigger


async def _next(events: AsyncIterator[TriggerEvent]) -> list[str]:
    async with asyncio.timeout(FIRE_SECONDS):
        return list((await anext(events)).payload["crawls"])


async def _times_said(capsys: pytest.CaptureFixture[str], text: str) -> int:
    """How often `text` is said, once it is and a little later."""
    said = ""
    async with asyncio.timeout(FIRE_SECONDS):
        while text not in said:
            await asyncio.sleep(0.02)
            said += capsys.readouterr().out
    await asyncio.sleep(0.2)
    return (said + capsys.readouterr().out).count(text)


async def _looks(server: ListOfCrawls, number: int) -> None:
    """Until the list was asked for so many times more."""
    wanted = len(server.agents) + number
    async with asyncio.timeout(FIRE_SECONDS):
        while len(server.agents) < wanted:  # noqa: ASYNC110 - a server in threads sets no event
            await asyncio.sleep(0.01)


def test_a_new_crawl_is_told_until_it_is_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    async def watch(server: ListOfCrawls) -> None:
        state = _State()
        events = _trigger(state).run()
        first = asyncio.ensure_future(_next(events))
        await _looks(server, 2)
        assert not first.done(), "what was there when the watch began is not new"
        server.crawls += NEW[:1]
        assert await first == NEW[:1]
        assert await _next(events) == NEW[:1], "nobody has announced it so far"
        await state.aset(ANNOUNCED, {NEW[0]: "run"})
        server.crawls += NEW[1:]
        assert await _next(events) == NEW[1:]
        assert await _next(_trigger(state).run()) == NEW[1:], "a restarted triggerer knows what was there"

    with serving_list(OLD) as server:
        _connect(monkeypatch, server)
        asyncio.run(watch(server))


def test_crawls_of_the_list_from_one_on_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving_list([*OLD, *NEW]) as server:
        _connect(monkeypatch, server, since=OLD[1])
        assert asyncio.run(_next(_trigger(_State()).run())) == [OLD[1], *NEW]


def test_another_list_is_watched_from_its_own_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    async def watch(first: ListOfCrawls, second: ListOfCrawls) -> None:
        events = _trigger(_State()).run()
        waiting = asyncio.ensure_future(_next(events))
        await _looks(first, 1)
        _connect(monkeypatch, second)
        await _looks(second, 2)
        assert not waiting.done()
        second.crawls.append("CC-MAIN-2026-20")
        assert await waiting == ["CC-MAIN-2026-20"]

    with serving_list(OLD) as first, serving_list([*OLD, *NEW]) as second:
        _connect(monkeypatch, first)
        asyncio.run(watch(first, second))


def test_a_list_that_is_away_is_said_once_and_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def watch(server: ListOfCrawls) -> None:
        waiting = asyncio.ensure_future(_next(_trigger(_State()).run()))
        await _looks(server, 3)
        assert capsys.readouterr().out.count("the server answers 503") == 1
        server.status = 200
        assert await waiting == NEW

    with serving_list([*OLD, *NEW]) as server:
        server.status = 503
        _connect(monkeypatch, server, since=NEW[0])
        asyncio.run(watch(server))


def test_without_a_connection_nothing_is_asked_and_that_is_said_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def watch(server: ListOfCrawls) -> None:
        waiting = asyncio.ensure_future(_next(_trigger(_State()).run()))
        assert await _times_said(capsys, f"there is no connection {CRAWLS_CONNECTION}") == 1
        assert server.agents == []
        _connect(monkeypatch, server, since="2026")
        assert await _times_said(capsys, "since '2026' is no crawl id") == 1
        assert server.agents == []
        _connect(monkeypatch, server, since=NEW[0])
        assert await waiting == NEW

    with serving_list([*OLD, *NEW]) as server:
        asyncio.run(watch(server))


def test_the_asset_s_watcher_is_made_anew_from_what_airflow_keeps_of_it() -> None:
    (watcher,) = CRAWL_LIST.watchers
    path, arguments = watcher.trigger.serialize()
    assert path == "operators.crawl_watch.CrawlListTrigger"
    assert CrawlListTrigger(**arguments).connection == CRAWLS_CONNECTION
