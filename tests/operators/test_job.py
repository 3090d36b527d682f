"""What the operators hand to the launcher, and how a job's failure reaches Airflow."""

import asyncio
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from airflow.triggers.base import TaskSuccessEvent, TriggerEvent

from mathmill.launcher.launcher import JobSpec
from mathmill.launcher.local import LocalLauncher
from operators.job import PythonJobOperator, job_key
from operators.plan import Plan
from operators.trigger import JobTrigger

PLAN = Plan("demo", "demo", {"seed": 3}, "/out")


def _operator(**arguments: Any) -> PythonJobOperator:
    return PythonJobOperator(task_id="work", module="mathmill.corpus.annotate", out="/out/work", **arguments)


def _context(try_number: int, max_tries: int, retries: int = 2) -> Any:
    ti = SimpleNamespace(
        dag_id="pretrain", task_id="work", run_id="first", map_index=-1, try_number=try_number, max_tries=max_tries
    )
    return {"ti": ti, "task": SimpleNamespace(retries=retries)}


def test_a_job_gets_the_run_s_changes_and_the_task_s() -> None:
    operator = _operator(arguments=["--domains", "/d"], changes={"reinforce.steps": 2})
    assert operator.job_arguments(PLAN) == (
        ["--recipe", "demo", "--set", "seed=3", "--set", "reinforce.steps=2", "--out", "/out/work", "--domains", "/d"]
    )


def test_a_job_without_output_gets_the_options_that_have_a_value() -> None:
    operator = PythonJobOperator(
        task_id="work", module="mathmill.evaluation.promote", out=None, options={"crown": "none", "by": ""}
    )
    assert operator.job_arguments(PLAN) == ["--recipe", "demo", "--crown", "none"]


def test_a_retry_is_the_same_job_and_a_clear_a_new_one() -> None:
    assert job_key(_context(try_number=1, max_tries=2)) == job_key(_context(try_number=2, max_tries=2))
    assert job_key(_context(try_number=3, max_tries=4)) != job_key(_context(try_number=2, max_tries=2))


@pytest.mark.parametrize(("exit_code", "expected"), [(2, AirflowFailException), (1, AirflowException)])
def test_only_a_user_s_mistake_fails_for_good(exit_code: int, expected: type[Exception]) -> None:
    with pytest.raises(AirflowException, match="why") as raised:
        _operator().resume({}, {"exit_code": exit_code, "reason": "why"})
    assert type(raised.value) is expected


def _follow(root: Path, script: str) -> TriggerEvent:
    launcher = LocalLauncher(root)
    launcher.submit(JobSpec([sys.executable, "-c", script], {}), "key")
    return asyncio.run(anext(JobTrigger(str(root), "key", None).run()))


def test_a_job_that_succeeds_ends_its_task(tmp_path: Path) -> None:
    assert isinstance(_follow(tmp_path, "print('done')"), TaskSuccessEvent)


def test_a_job_s_own_word_is_the_reason_of_its_failure(tmp_path: Path) -> None:
    event = _follow(tmp_path, "print('mathmill: error: no such file'); raise SystemExit(2)")
    assert event.payload == {"exit_code": 2, "reason": "no such file"}


def test_a_job_that_says_nothing_is_named_with_its_log(tmp_path: Path) -> None:
    event = _follow(tmp_path, "raise SystemExit(3)")
    assert event.payload["exit_code"] == 3
    assert Path(event.payload["reason"].rpartition("its log: ")[2]).is_file()


def test_a_job_that_nobody_submitted_is_no_success(tmp_path: Path) -> None:
    event = asyncio.run(anext(JobTrigger(str(tmp_path), "key", None).run()))
    assert event.payload["exit_code"] is None
    assert "not known" in event.payload["reason"]


def test_a_stopped_trigger_ends_its_job(tmp_path: Path) -> None:
    launcher = LocalLauncher(tmp_path)
    launcher.submit(JobSpec([sys.executable, "-c", "import time; time.sleep(60)"], {}), "key")
    asyncio.run(JobTrigger(str(tmp_path), "key", None).on_kill())
    deadline = time.monotonic() + 10
    while (status := launcher.find("key")) and status.state.value == "running":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert status is not None
    assert not status.succeeded
