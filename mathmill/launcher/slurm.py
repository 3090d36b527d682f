"""Jobs on a Slurm cluster, whose nodes share the jobs' folder.

A job's key is its name and the folder of its attempt its comment, by which a job is found whose submitter died before
it could write down the number. Exit code and heartbeat in the folder are read first; Slurm is asked for the rest, and
need not remember ended jobs.
"""

import json
import shlex
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from typing_extensions import override

from mathmill.errors import UserError
from mathmill.launcher import wrapper
from mathmill.launcher.folder import GRACE_SECONDS, FolderLauncher, has_heartbeat, submitted, wrapper_command
from mathmill.launcher.launcher import JobSpec, JobState, JobStatus, SchedulerUnreachableError
from mathmill.output import write_text

FRESH_SECONDS = 5 * wrapper.HEARTBEAT_SECONDS
"""With a heartbeat this young a job runs, and Slurm is not asked."""
COMMAND_SECONDS = 30.0
END_SECONDS = 60.0
"""For a cancelled job to leave: its grace period, then Slurm's own (`KillWait`)."""
POLL_SECONDS = 0.5
RUNNING = ("RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "STAGE_OUT", "SIGNALING")
QUEUED = ("PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD")
LOST = {
    "NODE_FAIL": "its node failed",
    "BOOT_FAIL": "its node did not boot",
    "PREEMPTED": "another job took its place",
    "TIMEOUT": "its time limit passed",
    "DEADLINE": "its deadline passed",
    "OUT_OF_MEMORY": "its node ran out of memory",
    "CANCELLED": "it was cancelled in Slurm",
}
"""States in which a job leaves no exit code, and why."""


class SlurmLauncher(FolderLauncher):
    """Submits jobs with `sbatch`; `root` is a folder that every node sees under the same path."""

    def __init__(
        self, root: Path, *, partition: str = "", options: Sequence[str] = (), grace: float = GRACE_SECONDS
    ) -> None:
        """Set where jobs go.

        Args:
            root: holds the jobs' folders.
            partition: Slurm's default when empty.
            options: further options of `sbatch`, for example `--account=mathematics`.
            grace: seconds between the request to end and the use of force.
        """
        super().__init__(root, grace=grace)
        self.partition = partition
        self.options = list(options)

    def version(self) -> str:
        """Slurm's, as its controller answers."""
        _run("squeue", "--noheader", "--me")
        return _run("squeue", "--version").strip()

    @override
    def _start(self, folder: Path, spec: JobSpec) -> None:
        wanted = spec.resources
        if wanted.nodes * wanted.tasks > 1:
            # The batch script runs on the first node alone.
            command = ["srun", "--kill-on-bad-exit=1", *wrapper_command("task", folder), *spec.command]
            text = json.loads((folder / wrapper.SPEC).read_text(encoding="utf-8")) | {"command": command}
            write_text(folder / wrapper.SPEC, json.dumps(text, indent=2))
        arguments = [
            "--parsable",
            f"--job-name={folder.parent.name}",
            f"--comment={folder}",
            "--requeue",
            "--open-mode=append",
            f"--output={folder / wrapper.LOG}",
            f"--nodes={wanted.nodes}",
            f"--ntasks-per-node={wanted.tasks}",
            *([f"--gres=gpu:{wanted.gpus}"] if wanted.gpus else []),
            *([f"--partition={self.partition}"] if self.partition else []),
            *self.options,
            f"--wrap=exec {shlex.join(wrapper_command('batch', folder))}",
        ]
        job_id = _run("sbatch", *arguments).strip().partition(";")[0]
        record = json.dumps({"job_id": job_id})
        if not wrapper.write_once(folder / wrapper.SUBMITTED, record) and submitted(folder) != json.loads(record):
            # Another submitter was quicker.
            _run("scancel", job_id)

    @override
    def _live_status(self, folder: Path) -> JobStatus | None:
        if has_heartbeat(folder, FRESH_SECONDS):
            return JobStatus(JobState.RUNNING)
        job_id = self._job_id(folder)
        return None if job_id is None else _state(job_id)

    @override
    def _end(self, folder: Path) -> None:
        job_id = self._job_id(folder)
        if job_id is None or not _state(job_id).live:
            return
        _run("scancel", job_id)
        deadline = time.monotonic() + END_SECONDS
        while _state(job_id).live:
            if time.monotonic() > deadline:
                raise TimeoutError(f"Slurm's job {job_id} was cancelled and did not end within {END_SECONDS:.0f} s")
            time.sleep(POLL_SECONDS)

    def _job_id(self, folder: Path) -> str | None:
        """Slurm's number for the attempt in `folder`: on record, or found by name and comment."""
        record = submitted(folder)
        if record is None:
            listed = _run("squeue", "--noheader", f"--name={folder.parent.name}", "--format=%i %k").splitlines()
            found = [line.split(" ", 1)[0] for line in listed if line.split(" ", 1)[1] == str(folder)]
            if found:
                wrapper.write_once(folder / wrapper.SUBMITTED, json.dumps({"job_id": found[0]}))
            record = submitted(folder)
        return None if record is None else str(record["job_id"])


def _state(job_id: str) -> JobStatus:
    """What Slurm says of a job that has no exit code."""
    known = _run("squeue", "--noheader", "--states=all", f"--jobs={job_id}", "--format=%T %r", unknown="")
    if not known.strip():
        return JobStatus(JobState.LOST, reason="Slurm does not know it any more")
    state, _, reason = known.strip().partition(" ")
    if state in RUNNING:
        return JobStatus(JobState.RUNNING)
    if state in QUEUED:
        return JobStatus(JobState.QUEUED, reason=reason)
    return JobStatus(JobState.LOST, reason=LOST.get(state, f"Slurm says {state}, and it left no exit code"))


def _run(program: str, *arguments: str, unknown: str | None = None) -> str:
    """What a program of Slurm prints; `unknown` when it knows no such job.

    Raises:
        UserError: the program is not installed, or refuses its arguments.
        SchedulerUnreachableError: the controller does not answer.
    """
    try:
        done = subprocess.run(
            [program, *arguments], capture_output=True, text=True, check=False, timeout=COMMAND_SECONDS
        )
    except FileNotFoundError:
        raise UserError(
            f"{program} is not installed on this machine: install Slurm's commands (Debian: slurm-client), or choose"
            " another launcher in the connection"
        ) from None
    except subprocess.TimeoutExpired:
        raise SchedulerUnreachableError(f"{program} did not answer within {COMMAND_SECONDS:.0f} s") from None
    if done.returncode == 0:
        return done.stdout
    said = " ".join(done.stderr.split())
    if "Invalid job id" in said and unknown is not None:
        return unknown
    if "contact slurm controller" in said.lower() or "connection refused" in said.lower() or "timed out" in said:
        raise SchedulerUnreachableError(f"{program}: {said}")
    raise UserError(f"{program}: {said}")
