"""Which list of crawls a connection stands for."""

import json
from typing import Any

import pytest

from mathmill.errors import UserError
from operators.crawls_hook import CRAWLS_CONNECTION, CrawlSettings, CrawlsHook
from operators.provider import crawls_connection
from tests.list_of_crawls import serving_list


def _connect(monkeypatch: pytest.MonkeyPatch, conn_type: str = "mathmill_crawls", **extra: Any) -> CrawlsHook:
    monkeypatch.setenv("AIRFLOW_CONN_CRAWLS", json.dumps({"conn_type": conn_type, "extra": extra}))
    return CrawlsHook("crawls")


def test_fields_left_empty_have_their_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    hook = _connect(monkeypatch, recipe="demo", list="", overrides=None, since=None, hours=None)
    settings = hook.get_conn()
    assert settings == CrawlSettings(recipe="demo")
    assert (settings.list, settings.hours) == ("https://index.commoncrawl.org/collinfo.json", 24.0)


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({}, "recipe '' is none of "),
        ({"recipe": "mine.yaml"}, "recipe 'mine.yaml' is none of .*demo.*, and no absolute path"),
        ({"recipe": "/no/such.yaml"}, "no recipe '/no/such.yaml'"),
        ({"recipe": "demo", "overrides": {"corpus.iterations": 9}}, r"corpus\.iterations"),
        ({"recipe": "demo", "overrides": "{}"}, "overrides is no mapping"),
        ({"recipe": "demo", "since": "2026-43"}, "since '2026-43' is no crawl id"),
        ({"recipe": "demo", "hours": 0}, "hours 0 is no number above 0"),
        ({"recipe": "demo", "days": 3}, "days is no field of a list of crawls"),
    ],
)
def test_a_mistake_names_connection_and_field(
    extra: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match=f"^connection crawls: .*{message}") as raised:
        _connect(monkeypatch, **extra).get_conn()
    assert "\n" not in str(raised.value)


def test_a_connection_of_another_type_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="connection crawls is a http: make it a mathmill_crawls"):
        _connect(monkeypatch, conn_type="http", recipe="demo").get_conn()


def test_the_connection_s_test_reads_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving_list(["CC-MAIN-2026-05", "CC-MAIN-2026-10"]) as server:
        hook = _connect(
            monkeypatch, recipe="demo", list=server.address, overrides={"corpus.contact": "ann@example.org"}
        )
        assert hook.test_connection() == (True, f"{server.address} lists 2 crawls, the newest CC-MAIN-2026-10")
        assert server.agents[0].startswith("mathmill/")
        assert server.agents[0].endswith(" (+ann@example.org)")
        server.status = 404
        assert hook.test_connection() == (False, f"{server.address}: the server answers 404")
    assert CrawlsHook().test_connection() == (False, f"The conn_id `{CRAWLS_CONNECTION}` isn't defined")


def test_the_form_has_the_settings_and_no_others() -> None:
    from airflow.providers_manager import ProvidersManager

    hook = ProvidersManager().hooks["mathmill_crawls"]
    assert hook is not None
    assert hook.hook_class_name == "operators.crawls_hook.CrawlsHook"
    assert tuple(crawls_connection()["conn-fields"]) == CrawlSettings.__slots__
