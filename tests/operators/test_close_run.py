"""The DAG run's MLflow run says how the DAG run ended."""

from types import SimpleNamespace
from typing import Any

import pytest

from mathmill.recipe_file import load_recipe
from mathmill.tracking import task_run, tracking_client
from operators import close_run
from operators.close_run import CloseRunOperator
from operators.plan import Plan

PLAN = Plan("demo", "demo", {}, "/out")


def _context(plan: dict[str, object] | None, states: dict[str, str]) -> Any:
    ti = SimpleNamespace(
        dag_id="pretrain",
        xcom_pull=lambda **_: plan,
        get_task_states=lambda _dag_id, *, run_ids: {run_ids[0]: states},
    )
    return {"ti": ti, "run_id": "first"}


@pytest.mark.parametrize(
    ("states", "status"),
    [
        ({"prepare": "success", "pretrain": "success", "grow": "skipped", "close": "running"}, "FINISHED"),
        ({"prepare": "success", "pretrain": "failed", "publish": "upstream_failed", "close": "running"}, "FAILED"),
    ],
)
def test_the_run_is_closed_as_it_ended(states: dict[str, str], status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CTX_DAG_ID", "pretrain")
    monkeypatch.setenv("AIRFLOW_CTX_DAG_RUN_ID", "first")
    with task_run(load_recipe("demo"), "pretrain") as run:
        pass
    client = tracking_client()
    parent = client.get_run(run.run_id).data.tags["mlflow.parentRunId"]
    assert client.get_run(parent).info.status == "RUNNING"
    CloseRunOperator(task_id="close").execute(_context(PLAN.to_xcom(), states))
    assert client.get_run(parent).info.status == status


@pytest.mark.parametrize(
    ("states", "told"),
    [
        ({"pretrain": "success", "close": "running"}, []),
        ({"pretrain": "failed", "publish": "upstream_failed"}, [(PLAN, "pretrain", "first", ["pretrain"])]),
    ],
)
def test_people_are_told_of_a_failure_by_the_task_that_failed(
    states: dict[str, str], told: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[object] = []
    monkeypatch.setattr(close_run, "tell_failure", lambda *what: calls.append(what))
    CloseRunOperator(task_id="close").execute(_context(PLAN.to_xcom(), states))
    assert calls == told


def test_a_run_without_a_plan_has_nothing_to_close() -> None:
    CloseRunOperator(task_id="close").execute(_context(None, {"prepare": "failed"}))
    assert tracking_client().get_experiment_by_name("demo") is None
