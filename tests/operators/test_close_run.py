"""The DAG run's MLflow run says how the DAG run ended."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from mathmill.home import home
from mathmill.launcher.launcher import JobSpec
from mathmill.launcher.local import LocalLauncher
from mathmill.recipe_file import load_recipe
from mathmill.tracking.server import tracking_client
from mathmill.tracking.task_run import task_run
from operators import close_run
from operators.close_run import CloseRunOperator
from operators.job import DeepSpeedJobOperator, PythonJobOperator, launcher_connections
from operators.plan import Plan
from tests.launcher.jobs import SLEEP

PLAN = Plan("demo", "demo", {}, "/out")


def _context(plan: dict[str, object] | None, states: dict[str, str]) -> Any:
    ti = SimpleNamespace(
        dag_id="pretrain",
        xcom_pull=lambda **_: plan,
        get_task_states=lambda _dag_id, *, run_ids: {run_ids[0]: states},
    )
    tasks = [PythonJobOperator(task_id="work", module="x", out=None), CloseRunOperator(task_id="close")]
    return {"ti": ti, "run_id": "first", "dag": SimpleNamespace(tasks=tasks)}


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


def test_a_job_that_the_run_left_is_ended_and_no_other() -> None:
    launcher = LocalLauncher(home() / "jobs", grace=1.0)
    for run_id in ("first", "second"):
        whom = {"AIRFLOW_CTX_DAG_ID": "pretrain", "AIRFLOW_CTX_DAG_RUN_ID": run_id}
        launcher.submit(JobSpec([sys.executable, "-S", "-c", SLEEP], whom), f"of-{run_id}")
    CloseRunOperator(task_id="close").execute(_context(None, {"prepare": "failed"}))
    assert not launcher.find("of-first").live
    assert launcher.find("of-second").live
    assert launcher.cancel_all() == ["of-second"]


def test_mapped_tasks_count_among_those_that_submit_jobs() -> None:
    mapped = DeepSpeedJobOperator.partial(task_id="rl", stage="rl", launcher_conn_id="cluster").expand(out=["/a", "/b"])
    plain = DeepSpeedJobOperator.partial(task_id="sft", stage="sft").expand(out=["/a"])
    here = PythonJobOperator(task_id="work", module="x", out=None, launcher_conn_id="here")
    close = CloseRunOperator(task_id="close")
    assert launcher_connections([mapped, plain, here, close]) == {"cluster", "mathmill_launcher_default", "here"}
