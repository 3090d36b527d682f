"""Addresses are those that Airflow's own pages have."""

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

from operators.job import job_environment
from operators.pages import log_page, run_page

RUN = "manual__2026-11-30T10:00:00+00:00"
PAGE = "https://mill.example/airflow/dags/pretrain/runs/manual__2026-11-30T10%3A00%3A00%2B00%3A00"


@pytest.fixture(autouse=True)
def _base_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://mill.example/airflow/")


def test_a_run_of_any_name_has_a_page() -> None:
    assert run_page("pretrain", RUN) == PAGE
    assert log_page("pretrain", RUN, "build.score", -1, 2) == f"{PAGE}/tasks/build.score?try_number=2"
    assert log_page("pretrain", RUN, "ablation", 3, 1) == f"{PAGE}/tasks/ablation/mapped/3?try_number=1"


def test_a_job_knows_the_pages_of_its_task() -> None:
    ti: Any = SimpleNamespace(dag_id="pretrain", run_id=RUN, task_id="work", map_index=0, try_number=2)
    environment = job_environment({"ti": ti})
    assert environment["AIRFLOW_CTX_RUN_URL"] == PAGE
    assert environment["AIRFLOW_CTX_LOG_URL"] == f"{PAGE}/tasks/work/mapped/0?try_number=2"


@pytest.mark.parametrize("map_index", [-1, 0, 3])
def test_airflow_has_the_log_there_too(map_index: int) -> None:
    ti = SimpleNamespace(dag_id="pretrain", run_id=RUN, task_id="build.score", map_index=map_index, try_number=2)
    assert log_page(**vars(ti)) == RuntimeTaskInstance.log_url.fget(ti)
