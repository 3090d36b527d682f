"""Jobs as detached process groups on this machine."""

import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
from typing_extensions import override

from mathmill.errors import UserError
from mathmill.launcher import wrapper
from mathmill.launcher.folder import FolderLauncher, exit_code, has_heartbeat, submitted, wrapper_command
from mathmill.launcher.launcher import JobSpec, JobState, JobStatus
from mathmill.launcher.processes import end_processes, processes_with, send, wait_for

POLL_SECONDS = 0.2


class LocalLauncher(FolderLauncher):
    """Runs jobs on the machine that submits them; others that share `root` see and cancel them."""

    @override
    def submit(self, spec: JobSpec, key: str) -> None:
        if spec.resources.nodes > 1 or spec.resources.tasks > 1:
            raise UserError(
                f"a job of {spec.resources.nodes} nodes with {spec.resources.tasks} tasks each needs a scheduler:"
                " choose the launcher slurm in the connection"
            )
        super().submit(spec, key)

    @override
    def _start(self, folder: Path, spec: JobSpec) -> None:
        subprocess.run(wrapper_command("detached", folder), check=True, stdin=subprocess.DEVNULL)

    @override
    def _live_status(self, folder: Path) -> JobStatus | None:
        record = submitted(folder)
        if record is None:
            return None
        if record["machine"] == wrapper.machine():
            if _leader(record) is not None:
                return JobStatus(JobState.RUNNING)
            return JobStatus(JobState.LOST, reason="its processes are gone")
        if has_heartbeat(folder):
            return JobStatus(JobState.RUNNING)
        return JobStatus(JobState.LOST, reason="its machine shows no sign of life")

    @override
    def _end(self, folder: Path) -> None:
        record = submitted(folder)
        if record is not None and record["machine"] != wrapper.machine():
            self._wait_for_the_end(folder)
            return
        leaders = [leader] if record is not None and (leader := _leader(record)) is not None else []
        for leader in leaders:
            send(leader, signal.SIGTERM)
        # The wrapper uses force itself after the grace period.
        wait_for(leaders, 2 * self.grace)
        end_processes([*leaders, *processes_with(wrapper.MARK, str(folder))], grace=self.grace)

    def _wait_for_the_end(self, folder: Path) -> None:
        """Wait for a wrapper on another machine to see that its job is cancelled.

        Raises:
            TimeoutError: it lives and does not.
        """
        deadline = time.monotonic() + 2 * self.grace + 2 * wrapper.HEARTBEAT_SECONDS
        while exit_code(folder) is None and has_heartbeat(folder):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the job in {folder} runs on another machine and does not heed its cancellation")
            time.sleep(POLL_SECONDS)


def _leader(record: Mapping[str, Any]) -> psutil.Process | None:
    """The live wrapper process that `record`, of this machine, names."""
    if record["start"] is None or wrapper.process_start(record["pid"]) != record["start"]:
        return None
    try:
        return psutil.Process(record["pid"])
    except psutil.NoSuchProcess:
        return None
