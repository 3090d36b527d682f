"""Who is told of a run that fails; a real server takes what is posted."""

import logging

import pytest
from airflow.sdk.exceptions import AirflowException

from operators import alerts
from operators.plan import Plan
from operators.webhook import WebhookHook
from tests.operators.webhook_server import SECRET, Webhook, connect

PLAN = Plan("demo", "demo", {"alerts.connection": "team"}, "/out")
SILENT = Plan("demo", "demo", {}, "/out")


def test_a_failure_is_told_with_the_tasks_and_the_run_s_page(
    webhook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        alerts.tell_failure(PLAN, "pretrain", "manual__2026-11-25T17:00:00+00:00", ["pretrain"])
    (message,) = webhook.told
    assert message.keys() == {"text"}
    assert message["text"].startswith("mathmill: pretrain with recipe demo failed at pretrain: ")
    assert message["text"].endswith("/dags/pretrain/runs/manual__2026-11-25T17%3A00%3A00%2B00%3A00")
    assert "told connection team" in caplog.text


def test_nobody_is_told_where_the_recipe_names_nobody(webhook: Webhook) -> None:
    alerts.tell_failure(SILENT, "pretrain", "first", ["pretrain"])
    assert webhook.told == []


def test_airflow_knows_the_connection_s_type_and_form() -> None:
    from airflow.providers_manager import ProvidersManager

    known = ProvidersManager()
    hook = known.hooks["mathmill_webhook"]
    assert hook is not None
    assert hook.hook_class_name == "operators.webhook.WebhookHook"
    assert known.field_behaviours["mathmill_webhook"]["relabeling"] == {"password": "Address"}


def test_a_refusal_names_the_connection_and_not_the_address(webhook: Webhook) -> None:
    webhook.status = 403
    with pytest.raises(AirflowException, match="connection team: answered 403") as raised:
        WebhookHook("team").send("hello")
    assert SECRET not in str(raised.value)


def test_an_address_that_is_not_reached_stays_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, f"http://127.0.0.1:9/{SECRET}")
    with pytest.raises(AirflowException, match="connection team: not reached") as raised:
        WebhookHook("team").send("hello")
    assert SECRET not in str(raised.value)
    assert raised.value.__suppress_context__


def test_a_connection_of_another_type_is_not_posted_to(webhook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, f"http://127.0.0.1:{webhook.server_port}/", conn_type="postgres")
    with pytest.raises(AirflowException, match="is no mathmill_webhook"):
        WebhookHook("team").send("hello")
    assert webhook.told == []
