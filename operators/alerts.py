"""Telling people of runs that fail, as the recipe's `alerts` says. A run's last task does it, which knows its plan."""

import logging
from collections.abc import Sequence

from operators.pages import run_page
from operators.plan import Plan
from operators.webhook import WebhookHook

log = logging.getLogger(__name__)


def tell_failure(plan: Plan, dag_id: str, run_id: str, failed: Sequence[str]) -> None:
    """Tell the connection of the run's recipe, if it has one, that these tasks failed."""
    connection = plan.load().alerts.connection
    if connection is None:
        return
    what = f"failed at {', '.join(failed)}"
    page = run_page(dag_id, run_id)
    WebhookHook(connection).send(f"mathmill: {dag_id} with recipe {plan.name} {what}: {page}")
    log.info("told connection %s that %s %s %s", connection, dag_id, run_id, what)
