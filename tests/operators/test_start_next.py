"""The next DAG is started by the run of a partition, whose events start none."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException, DagRunTriggerException

from operators.plan import Plan
from operators.start_next import StartNextOperator

PLAN = Plan("demo", "demo", {"seed": 3}, "/out/corpus")


def _execute(partition: str | None, max_tries: int = 3, *, paused: bool = False) -> Any:
    ti = SimpleNamespace(
        dag_id="corpus_refresh", max_tries=max_tries, get_dag=lambda _dag_id: SimpleNamespace(is_paused=paused)
    )
    operator = StartNextOperator(next_dag="pretrain", makes="corpus", plan=json.dumps(PLAN.to_xcom()))
    operator.execute({"ti": ti, "run_id": "r", "partition_key": partition})  # type: ignore[arg-type]


def test_a_partition_s_run_starts_it_with_its_own_output_once_a_generation() -> None:
    with pytest.raises(DagRunTriggerException) as raised:
        _execute("CC-MAIN-2026-05")
    started = raised.value
    assert started.trigger_dag_id == "pretrain"
    assert started.conf == {"recipe": "demo", "overrides": {"seed": 3}, "corpus": "/out/corpus"}
    assert started.skip_when_already_exists
    with pytest.raises(DagRunTriggerException) as again:
        _execute("CC-MAIN-2026-05", max_tries=7)
    assert again.value.dag_run_id != started.dag_run_id


def test_any_other_run_leaves_it_to_the_output_s_event() -> None:
    with pytest.raises(AirflowSkipException, match="the event of the output starts pretrain"):
        _execute(None)


def test_a_paused_dag_gets_no_run_that_would_wait() -> None:
    with pytest.raises(AirflowSkipException, match="pretrain is paused"):
        _execute("CC-MAIN-2026-05", paused=True)
