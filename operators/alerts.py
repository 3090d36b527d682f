"""Telling people of runs that fail or miss their deadline, as the recipe's `alerts` says.

The recipe is known from a run's plan only. So a failure is told by the run's last task, and every DAG has all the
deadlines that a recipe may choose; the one that passes asks the plan whether it is meant.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, get_args
from urllib.parse import quote

from airflow.configuration import conf
from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from mathmill.recipe_alerts import DeadlineHours
from operators.plan import PREPARE, Plan
from operators.webhook import WebhookHook

log = logging.getLogger(__name__)

UNFINISHED = ("queued", "running")


def tell_failure(plan: Plan, dag_id: str, run_id: str, failed: Sequence[str]) -> None:
    """Tell the connection of the run's recipe, if it has one, that these tasks failed."""
    connection = plan.load().alerts.connection
    if connection is not None:
        _tell(connection, f"failed at {', '.join(failed)}", plan, dag_id, run_id)


async def tell_deadline(hours: int, context: dict[str, Any]) -> None:
    """Called by Airflow's triggerer when a run is not over `hours` after it was queued.

    Args:
        hours: of the deadline that passed.
        context: what Airflow says of the run, under `dag_run`.
    """
    run = context["dag_run"]
    if run["state"] in UNFINISHED:
        await asyncio.to_thread(_tell_deadline, hours, run["dag_id"], run["dag_run_id"])


def deadlines() -> list[DeadlineAlert]:
    """Every deadline that a recipe may choose."""
    return [
        DeadlineAlert(
            reference=DeadlineReference.DAGRUN_QUEUED_AT,
            interval=timedelta(hours=hours),
            callback=AsyncCallback(tell_deadline, kwargs={"hours": hours}),
            name=f"{hours} hours",
        )
        for hours in get_args(DeadlineHours)
    ]


def _tell_deadline(hours: int, dag_id: str, run_id: str) -> None:
    plan = _plan_of(dag_id, run_id)
    if plan is None:
        log.warning("%s %s has no plan after %d hours, so nobody can be told", dag_id, run_id, hours)
        return
    alerts = plan.load().alerts
    if alerts.connection is not None and alerts.deadline == hours:
        _tell(alerts.connection, f"is not done {hours} h after it was queued", plan, dag_id, run_id)


def _plan_of(dag_id: str, run_id: str) -> Plan | None:
    """What the run's first task planned; None before it did."""
    from airflow.sdk.bases.xcom import BaseXCom
    from airflow.sdk.execution_time.xcom import XCom

    value = XCom.get_one(key=BaseXCom.XCOM_RETURN_KEY, dag_id=dag_id, task_id=PREPARE, run_id=run_id)
    return None if value is None else Plan(**value)


def _tell(connection: str, what: str, plan: Plan, dag_id: str, run_id: str) -> None:
    base = conf.get("api", "base_url", fallback="").rstrip("/")
    page = f"{base}/dags/{quote(dag_id)}/runs/{quote(run_id)}"
    WebhookHook(connection).send(f"mathmill: {dag_id} with recipe {plan.name} {what}: {page}")
    log.info("told connection %s that %s %s %s", connection, dag_id, run_id, what)
