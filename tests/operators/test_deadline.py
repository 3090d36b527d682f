"""Who is told, and how often, of a run that takes too long; real jobs, real triggers, a real server."""

import asyncio
import fcntl
import json
import sys
import threading
import time
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException
from airflow.triggers.base import TaskSuccessEvent

from mathmill.errors import UserError
from mathmill.home import home
from mathmill.launcher.launcher import JobSpec
from mathmill.launcher.local import LocalLauncher
from mathmill.recipe_file import load_recipe
from operators import trigger
from operators.close_run import CloseRunOperator
from operators.deadline import Deadline
from operators.launcher_hook import DEFAULT_CONNECTION
from operators.plan import Plan
from operators.trigger import JobTrigger
from tests.launcher.jobs import waiting
from tests.operators.webhook_server import Webhook

PLAN = Plan("demo", "demo", {"alerts.connection": "team", "alerts.deadline_hours": 1}, "/out")


def _context(hours: float, plan: Plan = PLAN) -> Any:
    """Of a run that started so many hours ago."""
    start = datetime.now(UTC) - timedelta(hours=hours)
    ti = SimpleNamespace(
        dag_id="pretrain",
        xcom_pull=lambda **_: plan.to_xcom(),
        get_task_states=lambda _dag_id, *, run_ids: {run_ids[0]: {"pretrain": "success"}},
    )
    dag = SimpleNamespace(tasks=[])
    return {"ti": ti, "run_id": "first", "dag": dag, "dag_run": SimpleNamespace(start_date=start)}


def _deadline(hours: float) -> Deadline:
    deadline = Deadline.of(PLAN, _context(hours))
    assert deadline is not None
    return deadline


def _trigger(deadline: Deadline) -> JobTrigger:
    """As the triggerer makes it from what Airflow keeps."""
    _, arguments = JobTrigger(DEFAULT_CONNECTION, "key", None, asdict(deadline)).serialize()
    return JobTrigger(**json.loads(json.dumps(arguments)))


def _submit(script: str) -> LocalLauncher:
    launcher = LocalLauncher(home() / "jobs")
    launcher.submit(JobSpec([sys.executable, "-S", "-c", script], {}), "key")
    return launcher


def test_a_recipe_without_a_deadline_has_none() -> None:
    plan = Plan("demo", "demo", {"alerts.connection": "team"}, "/out")
    assert Deadline.of(plan, _context(100)) is None
    with pytest.raises(UserError, match="deadline_hours tells nobody without a connection"):
        load_recipe("demo", ["alerts.deadline_hours=1"])


def test_it_counts_from_the_start_of_the_run() -> None:
    assert not _deadline(0.9).has_passed()
    assert _deadline(1.1).has_passed()


def test_people_are_told_while_the_job_runs_and_once(webhook: Webhook, tmp_path: Path) -> None:
    go = tmp_path / "go"

    async def follow(deadline: Deadline) -> None:
        first, second = (asyncio.ensure_future(anext(_trigger(deadline).run())) for _ in range(2))
        while not webhook.told:  # noqa: ASYNC110 - a server in threads sets no event
            await asyncio.sleep(0.02)
        assert not first.done()
        go.touch()
        assert isinstance(await first, TaskSuccessEvent)
        assert isinstance(await second, TaskSuccessEvent)

    _submit(waiting(go))
    deadline = _deadline(1 - 5 / 3600)
    assert not deadline.has_passed()
    asyncio.run(follow(deadline))
    (message,) = webhook.told
    assert message["text"].startswith("mathmill: pretrain with recipe demo takes longer than 1 hours: ")
    assert message["text"].endswith("/dags/pretrain/runs/first")

    _submit("pass")
    asyncio.run(anext(_trigger(deadline).run()))
    assert len(webhook.told) == 1, "a triggerer that comes later does not tell again"


def test_a_message_that_does_not_arrive_is_sent_again_and_the_job_goes_on(
    webhook: Webhook, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(trigger, "RETELL_SECONDS", 0.1)
    webhook.status = 500
    go = tmp_path / "go"

    def recover() -> None:
        while len(webhook.told) < 2:
            time.sleep(0.02)
        webhook.status = 200
        told = len(webhook.told)
        while len(webhook.told) == told:
            time.sleep(0.02)
        go.touch()

    _submit(waiting(go))
    threading.Thread(target=recover, daemon=True).start()
    assert isinstance(asyncio.run(anext(_trigger(_deadline(2)).run())), TaskSuccessEvent)
    refused, arrived = webhook.told[:-1], webhook.told[-1:]
    assert len(refused) >= 2
    assert arrived == refused[:1]
    told = len(webhook.told)
    _deadline(2).tell()
    assert len(webhook.told) == told + 1, "a run that started at another time is another"


def test_the_end_of_a_late_run_tells_what_nobody_told(webhook: Webhook) -> None:
    late = _context(2)
    CloseRunOperator(task_id="close").execute(late)
    CloseRunOperator(task_id="close").execute(late)
    CloseRunOperator(task_id="close").execute(_context(0.5))
    assert len(webhook.told) == 1


def test_who_is_at_it_is_not_disturbed_and_who_failed_leaves_it_to_others(webhook: Webhook) -> None:
    deadline = _deadline(2)
    webhook.status = 500
    with pytest.raises(AirflowException, match="connection team: answered 500"):
        deadline.tell()
    webhook.status = 200
    threads = [threading.Thread(target=deadline.tell) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(webhook.told) == 2


def test_who_looked_before_another_had_told_does_not_tell_again(
    webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    deadline, lock = _deadline(2), fcntl.flock

    def lock_after_another(*arguments: Any) -> None:
        monkeypatch.setattr(fcntl, "flock", lock)
        deadline.tell()
        lock(*arguments)

    monkeypatch.setattr(fcntl, "flock", lock_after_another)
    deadline.tell()
    assert len(webhook.told) == 1
