"""Telling people, once, that a run takes longer than its recipe expects.

A job's trigger does it while the run goes on, for it is the one part of a run that is awake all the time; where no job
was under way, the next job's trigger or the run's last task does.
"""

import fcntl
import logging
import os
import time
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from airflow.sdk import Context

from mathmill.home import home
from operators.pages import run_page
from operators.plan import Plan
from operators.webhook import WebhookHook

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Deadline:
    """When people are told of a run, and what; plain values, which a trigger can keep."""

    at: float
    """Seconds since the epoch."""
    connection: str
    text: str
    mark: str
    """Name of the file that says whether they were told; a cleared run, which starts anew, has another."""

    @classmethod
    def of(cls, plan: Plan, context: Context) -> Self | None:
        """The deadline of the run, counted from its start; None where its recipe has none."""
        alerts = plan.load().alerts
        if alerts.deadline_hours is None or alerts.connection is None:
            return None
        dag_id, run_id, start = context["ti"].dag_id, context["run_id"], context["dag_run"].start_date.timestamp()
        return cls(
            at=start + alerts.deadline_hours * 3600,
            connection=alerts.connection,
            text=f"mathmill: {dag_id} with recipe {plan.name} takes longer than {alerts.deadline_hours:g} hours:"
            f" {run_page(dag_id, run_id)}",
            mark=f"{dag_id}-{sha256(f'{run_id} {start}'.encode()).hexdigest()[:16]}",
        )

    def has_passed(self) -> bool:
        """Whether people are to be told."""
        return time.time() >= self.at

    def tell(self) -> None:
        """Tell the connection, unless that was done or another process is at it.

        Raises:
            AirflowException: the message did not arrive; it may be tried again.
        """
        folder = home() / "alerts"
        folder.mkdir(parents=True, exist_ok=True)
        # A lock, not the file itself, says who is at it: it ends with a process that is killed before it has told.
        with (folder / self.mark).open("a+") as mark:
            try:
                fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            # Not the position in the file, which is that of the moment when it was opened.
            if os.fstat(mark.fileno()).st_size:
                return
            WebhookHook(self.connection).send(self.text)
            mark.write(f"{self.text}\n")
        log.info("told connection %s: %s", self.connection, self.text)
