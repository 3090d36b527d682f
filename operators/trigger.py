"""The trigger that follows a job while its task holds no worker."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from airflow.triggers.base import BaseTrigger, TaskSuccessEvent, TriggerEvent
from typing_extensions import override

from mathmill.job import RECORD, JobRecord
from mathmill.launcher.launcher import JobState, JobStatus
from mathmill.launcher.local import LocalLauncher
from operators.link import LINK_KEY, record_url

POLL_SECONDS = 0.5
ERROR = "mathmill: error: "
"""Begins the one line in which a job names a mistake of its user."""


class JobTrigger(BaseTrigger):
    """Copy a job's log to the task's, and end the task when the job succeeded.

    A restarted triggerer begins the log anew. Only a person's act (clear, mark, stop) ends the job.

    Args:
        root: folder of the launcher.
        key: the job's key there.
        out: the job's output directory, if it makes one.
    """

    def __init__(self, root: str, key: str, out: str | None) -> None:
        super().__init__()
        self.root = root
        self.key = key
        self.out = out

    @override
    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{JobTrigger.__module__}.{JobTrigger.__qualname__}", {
            "root": self.root,
            "key": self.key,
            "out": self.out,
        }

    @override
    async def run(self) -> AsyncIterator[TriggerEvent]:
        launcher = LocalLauncher(Path(self.root))
        offset, error = 0, ""
        while True:
            status = await asyncio.to_thread(launcher.find, self.key)
            read_from = offset
            text, offset = await asyncio.to_thread(launcher.read_log, self.key, offset)
            for line in text.splitlines():
                self.log.info(line)
                if line.startswith(ERROR):
                    error = line.removeprefix(ERROR)
            if offset > read_from:
                continue
            if status is None or status.state is not JobState.RUNNING:
                break
            await asyncio.sleep(POLL_SECONDS)
        if status is not None and status.succeeded:
            yield TaskSuccessEvent(xcoms=_outcome(self.out))
        else:
            yield TriggerEvent(
                {"exit_code": status.exit_code if status else None, "reason": self._reason(status, error)}
            )

    @override
    async def on_kill(self) -> None:
        await asyncio.to_thread(LocalLauncher(Path(self.root)).cancel, self.key)

    def _reason(self, status: JobStatus | None, error: str) -> str:
        if error:
            return error
        if status is None:
            return f"job {self.key} is not known to the launcher at {self.root}"
        ended = "its processes are gone" if status.state is JobState.LOST else f"exit code {status.exit_code}"
        return f"job {self.key} failed ({ended}); its log: {LocalLauncher(Path(self.root)).folder(self.key)}/log"


def _outcome(out: str | None) -> dict[str, Any] | None:
    """The task's XComs: what the job says of its output, and the link to its run."""
    if out is None or not (Path(out) / RECORD).is_file():
        return None
    record = JobRecord.read(Path(out))
    value = {"path": out, "seconds": record.seconds, "mlflow_run_id": record.mlflow_run_id, **record.figures}
    return {"return_value": value, LINK_KEY: record_url(record)}
