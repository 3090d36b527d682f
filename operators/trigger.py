"""The trigger that follows a job while its task holds no worker."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from airflow.sdk.bases.xcom import BaseXCom
from airflow.sdk.exceptions import AirflowException
from airflow.triggers.base import BaseTrigger, TaskSuccessEvent, TriggerEvent
from typing_extensions import override

from mathmill.job_record import RECORD, JobRecord
from mathmill.launcher.folder import FolderLauncher
from mathmill.launcher.launcher import JobState, JobStatus, SchedulerUnreachableError
from mathmill.tracking.server import run_url
from operators.deadline import Deadline
from operators.failures import Cause
from operators.launcher_hook import LauncherHook
from operators.link import LINK_KEY, record_url

POLL_SECONDS = 0.5
QUEUE_POLL_SECONDS = 5.0
"""While a scheduler keeps the job waiting: every look is a question to it."""
UNREACHABLE_POLL_SECONDS = 30.0
RETELL_SECONDS = 300.0
"""Until a message that did not arrive is sent again."""
ERROR = "mathmill: error: "
"""Begins the one line in which a job names a mistake of its user."""
OUT_OF_MEMORY = "CUDA out of memory"
USER_ERROR = 2
"""Exit code of a job whose input is wrong."""


class JobTrigger(BaseTrigger):
    """Copy a job's log to the task's, and end the task when the job succeeded.

    A restarted triggerer begins the log anew. Only a person's act (clear, mark, stop) ends the job. While the scheduler
    does not answer the job is believed to go on.

    Args:
        launcher_conn_id: connection that names the launcher.
        key: the job's key there.
        out: the job's output directory, if it makes one.
        deadline: of the run, the fields of a `Deadline`; people are told when it passes.
    """

    def __init__(
        self, launcher_conn_id: str, key: str, out: str | None, deadline: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__()
        self.launcher_conn_id = launcher_conn_id
        self.key = key
        self.out = out
        self.deadline = Deadline(**deadline) if deadline else None
        self.told_at = 0.0
        """When telling people was tried, in seconds since the epoch; infinite once they were told."""

    @override
    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{JobTrigger.__module__}.{JobTrigger.__qualname__}", {
            "launcher_conn_id": self.launcher_conn_id,
            "key": self.key,
            "out": self.out,
            "deadline": asdict(self.deadline) if self.deadline else None,
        }

    @override
    async def run(self) -> AsyncIterator[TriggerEvent]:
        launcher = await asyncio.to_thread(self._launcher)
        log = _LogReader()
        linked, told = False, ""
        while True:
            await self._tell_if_late()
            try:
                # Asked first: what an ended job wrote is then all there.
                status = await asyncio.to_thread(launcher.find, self.key)
                lines = await asyncio.to_thread(log.read, launcher, self.key)
            except SchedulerUnreachableError as error:
                self.log.warning("%s: asking again in %.0f s", error, UNREACHABLE_POLL_SECONDS)
                await asyncio.sleep(UNREACHABLE_POLL_SECONDS)
                continue
            for line in lines:
                self.log.info(line)
            linked = linked or await self._link(launcher)
            if lines:
                continue
            if status is None or not status.live:
                break
            if status.state is JobState.QUEUED and status.reason != told:
                told = status.reason
                self.log.info("job %s waits: %s", self.key, told)
            await asyncio.sleep(QUEUE_POLL_SECONDS if status.state is JobState.QUEUED else POLL_SECONDS)
        if status is not None and status.succeeded:
            yield TaskSuccessEvent(xcoms=_outcome(self.out))
        else:
            yield TriggerEvent(self._failure(launcher, status, log))

    @override
    async def on_kill(self) -> None:
        launcher = await asyncio.to_thread(self._launcher)
        await asyncio.to_thread(launcher.cancel, self.key)

    async def _tell_if_late(self) -> None:
        """Tell people that the run is late; where they cannot be told, the job goes on and it is tried again."""
        if self.deadline is None or not self.deadline.has_passed() or time.time() < self.told_at + RETELL_SECONDS:
            return
        try:
            await asyncio.to_thread(self.deadline.tell)
            self.told_at = math.inf
        except (AirflowException, OSError) as error:
            self.told_at = time.time()
            self.log.warning("the run is late, and nobody could be told: %s", error)

    def _launcher(self) -> FolderLauncher:
        return LauncherHook(self.launcher_conn_id).get_conn()

    async def _link(self, launcher: FolderLauncher) -> bool:
        """Give the task the link to its MLflow run as soon as there is one; whether it has it."""
        run = await asyncio.to_thread(launcher.mlflow_run, self.key)
        if run is None or self.task_instance is None:
            return False
        ti = self.task_instance
        await BaseXCom.aset(
            LINK_KEY,
            run_url(run.experiment_id, run.run_id),
            dag_id=ti.dag_id,
            task_id=ti.task_id,
            run_id=ti.run_id,
            map_index=ti.map_index,
        )
        return True

    def _failure(self, launcher: FolderLauncher, status: JobStatus | None, log: "_LogReader") -> dict[str, str]:
        """Why the job failed: `cause`, a `Cause`, and `reason`."""
        if status is None:
            return {
                "cause": Cause.LOST,
                "reason": f"job {self.key} is not known to the launcher of connection {self.launcher_conn_id}",
            }
        place = f"its log: {launcher.folder(self.key)}/log"
        if status.state is JobState.LOST:
            return {"cause": Cause.LOST, "reason": f"job {self.key} was lost ({status.reason}); {place}"}
        if log.out_of_memory:
            return {"cause": Cause.OUT_OF_MEMORY, "reason": f"job {self.key} ran out of GPU memory; {place}"}
        cause = Cause.BAD_INPUT if status.exit_code == USER_ERROR else Cause.FAILED
        return {
            "cause": cause,
            "reason": log.error or f"job {self.key} failed (exit code {status.exit_code}); {place}",
        }


class _LogReader:
    """Reads a job's log on, and notes what it says of a failure."""

    def __init__(self) -> None:
        self.offset = 0
        self.error = ""
        self.out_of_memory = False

    def read(self, launcher: FolderLauncher, key: str) -> list[str]:
        """The lines that are new."""
        text, self.offset = launcher.read_log(key, self.offset)
        lines = text.splitlines()
        for line in lines:
            if line.startswith(ERROR):
                self.error = line.removeprefix(ERROR)
            self.out_of_memory = self.out_of_memory or OUT_OF_MEMORY in line
        return lines


def _outcome(out: str | None) -> dict[str, Any] | None:
    """The task's XComs: what the job says of its output, and the link to its run."""
    if out is None or not (Path(out) / RECORD).is_file():
        return None
    record = JobRecord.read(Path(out))
    value = {"path": out, "seconds": record.seconds, "mlflow_run_id": record.mlflow_run_id, **record.figures}
    if record.taken_over:
        value["taken_over"] = record.taken_over
    return {"return_value": value, LINK_KEY: record_url(record)}
