"""Which crawls are announced, with what, and that nothing is when something is wrong."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.definitions.asset import AssetUniqueKey
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from airflow.sdk.execution_time.context import OutletEventAccessor

from operators.announce import AnnounceCrawlsOperator, OldestFirst
from operators.crawl_watch import ANNOUNCED, CRAWL_LIST, CRAWLS
from operators.crawls_hook import CRAWLS_CONNECTION
from tests.list_of_crawls import serving_list

LISTED = ["CC-MAIN-2025-51", "CC-MAIN-2026-02", "CC-MAIN-2026-06", "CC-MAIN-2026-10"]
FORM = {"crawls": None, "first": None, "last": None, "recipe": None, "overrides": {}}


class _State:
    def __init__(self, announced: dict[str, str]) -> None:
        self.kept: dict[str, Any] = {ANNOUNCED: announced}

    def get(self, key: str, default: Any) -> Any:
        return self.kept.get(key, default)

    def set(self, key: str, value: Any) -> None:
        self.kept[key] = value


def _context(params: Any = None, found: Any = (), announced: Any = None, *, paused: bool = False) -> Any:
    events = [SimpleNamespace(extra={"from_trigger": True, "payload": {"crawls": crawls}}) for crawls in found]
    return {
        "params": {**FORM, **(params or {})},
        "run_id": "now",
        "ti": SimpleNamespace(get_dag=lambda _dag_id: SimpleNamespace(is_paused=paused)),
        "triggering_asset_events": {CRAWL_LIST: events} if events else {},
        "asset_state_store": {CRAWL_LIST: _State(announced or {})},
        "outlet_events": {CRAWLS: OutletEventAccessor(key=AssetUniqueKey.from_asset(CRAWLS))},
    }


def _announced(context: Any) -> tuple[list[str], dict[str, Any]]:
    """The partitions, in the order in which Airflow takes them, and what their events carry."""
    AnnounceCrawlsOperator().execute(context)
    events = context["outlet_events"][CRAWLS]
    return list(events.partition_keys), events.extra


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> Any:
    with serving_list(LISTED) as server:
        settings = {"list": server.address, "recipe": "demo", "overrides": {"seed": 3}}
        connection = {"conn_type": "mathmill_crawls", "extra": settings}
        monkeypatch.setenv(f"AIRFLOW_CONN_{CRAWLS_CONNECTION.upper()}", json.dumps(connection))
        yield server


def test_partitions_go_out_in_the_order_of_time() -> None:
    crawls = OldestFirst([LISTED[2], "CC-NEWS-2026-01", LISTED[0], LISTED[2], LISTED[3]])
    assert (list(crawls), len(crawls)) == ([LISTED[0], "CC-NEWS-2026-01", LISTED[2], LISTED[3]], 4)


def test_a_form_names_crawls_and_recipe() -> None:
    form = {"crawls": [LISTED[3], LISTED[1], LISTED[3]], "recipe": "demo", "overrides": {"seed": 5}}
    assert _announced(_context(form)) == ([LISTED[1], LISTED[3]], {"recipe": "demo", "overrides": {"seed": 5}})


@pytest.mark.usefixtures("connected")
def test_a_form_without_a_recipe_takes_the_connection_s() -> None:
    crawls, extra = _announced(_context({"first": LISTED[1], "overrides": {"corpus.files": 1}}))
    assert crawls == LISTED[1:]
    assert extra == {"recipe": "demo", "overrides": {"seed": 3, "corpus.files": 1}}
    crawls, extra = _announced(_context({"first": LISTED[1], "last": LISTED[2], "recipe": "small-crawl"}))
    assert (crawls, extra) == (LISTED[1:3], {"recipe": "small-crawl", "overrides": {}})


@pytest.mark.usefixtures("connected")
@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({}, "fill in either crawls"),
        ({"crawls": LISTED[:1], "first": LISTED[0]}, "fill in either crawls"),
        ({"crawls": LISTED[:1], "last": LISTED[0]}, "fill in either crawls"),
        ({"crawls": [*LISTED, "CC-MAIN-2026-99"]}, "'CC-MAIN-2026-99' is no crawl id"),
        ({"first": "CC-MAIN-2026-07"}, "CC-MAIN-2026-07 is not among the 4 crawls of the list"),
        ({"first": LISTED[1], "last": LISTED[0]}, f"{LISTED[0]} is older than {LISTED[1]}"),
        ({"crawls": LISTED, "overrides": {"corpus.iterations": 9}}, "iterations"),
        ({"crawls": LISTED, "recipe": "/no/such.yaml"}, "no recipe '/no/such.yaml'"),
    ],
)
def test_a_mistake_announces_nothing(form: dict[str, Any], message: str) -> None:
    context = _context(form)
    with pytest.raises(AirflowFailException, match=message) as raised:
        AnnounceCrawlsOperator().execute(context)
    assert "\n" not in str(raised.value)
    assert context["outlet_events"][CRAWLS].partition_keys == set()


def test_a_form_without_a_recipe_needs_the_connection() -> None:
    with pytest.raises(AirflowFailException, match=f"there is no connection {CRAWLS_CONNECTION}"):
        _announced(_context({"crawls": LISTED}))


def test_a_list_that_is_away_is_one_line(connected: Any) -> None:
    connected.status = 503
    with pytest.raises(AirflowFailException, match=r"cannot be read: .*answers 503"):
        _announced(_context({"first": LISTED[0]}))


@pytest.mark.usefixtures("connected")
def test_a_paused_refresh_would_miss_them() -> None:
    with pytest.raises(AirflowFailException, match="corpus_refresh is paused"):
        _announced(_context({"crawls": LISTED}, paused=True))


@pytest.mark.usefixtures("connected")
def test_what_the_watch_found_is_announced_once() -> None:
    context = _context(found=[[LISTED[3], LISTED[1]], [LISTED[1], LISTED[2]]], announced={LISTED[2]: "earlier"})
    assert _announced(context) == ([LISTED[1], LISTED[3]], {"recipe": "demo", "overrides": {"seed": 3}})
    kept = context["asset_state_store"][CRAWL_LIST].kept[ANNOUNCED]
    assert kept == {LISTED[2]: "earlier", LISTED[1]: "now", LISTED[3]: "now"}
    assert _announced(_context(found=[LISTED[1:]], announced=kept))[0] == [LISTED[1], LISTED[3]], "another try of it"
    with pytest.raises(AirflowSkipException, match=f"announced before: {LISTED[2]}"):
        _announced(_context(found=[[LISTED[2]]], announced=kept))
