"""The process around a job: it starts the job's command, shows that it lives, and writes down how that ended.

Run as a file by an interpreter that need not have this package: nothing but the standard library is imported.

    wrapper.py detached FOLDER    leave the caller's session first (mathmill.launcher.local)
    wrapper.py batch FOLDER       be the batch script of a Slurm job (mathmill.launcher.slurm)
    wrapper.py task FOLDER …      run the command that follows as one of the job's tasks

Files of the folder, which all launchers share:

    spec.json        the intent: what is to run; written before the job is submitted
    submitted.json   where it runs, as its launcher knows it; made once, so of two submitters' jobs one runs
    log              what the command writes
    heartbeat        touched every few seconds while this process lives
    cancelled        there when somebody asked for the end
    mlflow_run.json  the job's MLflow run, once it has one (mathmill.job)
    task_exit_code   of the first of several tasks that failed by itself; srun tells that of one that it ended
    exit_code        how the command ended; appears in one piece
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

SPEC = "spec.json"
SUBMITTED = "submitted.json"
LOG = "log"
HEARTBEAT = "heartbeat"
CANCELLED = "cancelled"
MLFLOW_RUN = "mlflow_run.json"
TASK_EXIT_CODE = "task_exit_code"
EXIT_CODE = "exit_code"
MARK = "MATHMILL_JOB"
"""Environment variable by which every process of a job is known, also one that left the process group: its folder."""
HEARTBEAT_SECONDS = 2.0
POLL_SECONDS = 0.05


def machine() -> str:
    """Tells the processes that can be seen here from all others: those of another host, boot or container."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    return f"{boot} {os.readlink('/proc/self/ns/pid')}"  # noqa: PTH115 - a name, not a path


def process_start(pid: int) -> str | None:
    """When process `pid` started, as text that no other process of that id shares; None when there is none.

    A zombie counts as none: it only waits for its exit code to be read.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else f"{boot}:{fields[19]}"


def write_once(path: Path, text: str) -> bool:
    """Write `path` in one piece unless it exists; whether it was written."""
    temporary = path.with_name(f".{path.name}.{os.uname().nodename}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink()
    return True


def detached(folder: Path) -> int:
    """Leave the caller's session; the first process returns when the job is on record, the second sees it through."""
    started, announce = os.pipe()
    if os.fork():
        os.close(announce)
        os.read(started, 1)
        return 0
    os.close(started)
    os.setsid()
    record = {"machine": machine(), "pid": os.getpid(), "start": process_start(os.getpid())}
    if not write_once(folder / SUBMITTED, json.dumps(record)):
        return 0
    os.close(announce)
    with (folder / LOG).open("ab") as log, Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    return Wrapper(folder, in_batch=False).run()


def batch(folder: Path) -> int:
    """See the job through, unless another Slurm job does: that of a submitter who was quicker."""
    record = json.dumps({"job_id": os.environ["SLURM_JOB_ID"]})
    if write_once(folder / SUBMITTED, record) or (folder / SUBMITTED).read_text(encoding="utf-8") == record:
        (folder / TASK_EXIT_CODE).unlink(missing_ok=True)  # of a life before this one
        return Wrapper(folder, in_batch=True).run()
    return 0


def task(folder: Path, command: Sequence[str]) -> int:
    """Run one of the job's tasks. Signals reach its command as well; this process then ends without a word."""
    code = exit_code(subprocess.call(command))
    if code:
        write_once(folder / TASK_EXIT_CODE, str(code))
    return code


def exit_code(returned: int) -> int:
    """What a shell makes of a process's end: 128 and the number after a signal."""
    return returned if returned >= 0 else 128 - returned


class Wrapper:
    """Sees the job in `folder` through."""

    def __init__(self, folder: Path, *, in_batch: bool) -> None:
        self.folder = folder
        self.in_batch = in_batch
        """Slurm signals every process of a job itself, and may start it again after that."""
        self.signalled = False
        self.spec = json.loads((folder / SPEC).read_text(encoding="utf-8"))

    def run(self) -> int:
        """Run the command and leave no process of it behind; its exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask_to_end)
        signal.signal(signal.SIGALRM, lambda *_: self._kill_all())
        threading.Thread(target=self._beat, daemon=True).start()
        code = 128 + signal.SIGTERM if self._is_cancelled() else self._run_command()
        if code == 0 or self._is_cancelled() or not (self.in_batch and self.signalled):
            write_once(self.folder / EXIT_CODE, str(code))
        self._kill_all()
        return code

    def _run_command(self) -> int:
        environment = {**os.environ, **self.spec["environment"], MARK: str(self.folder)}
        try:
            code = exit_code(subprocess.Popen(self.spec["command"], env=environment).wait())
        except OSError as error:
            print(f"mathmill: error: the job did not start: {error}", file=sys.stderr)
            return 127
        first = self.folder / TASK_EXIT_CODE
        return int(first.read_text(encoding="utf-8")) if code and first.is_file() else code

    def _ask_to_end(self, number: int, _frame: FrameType | None) -> None:
        """Pass the request on, and use force when it is not heeded in time."""
        for asked in (signal.SIGTERM, signal.SIGINT):
            signal.signal(asked, signal.SIG_IGN)
        self.signalled = True
        if not self.in_batch:
            os.killpg(0, number)
        signal.setitimer(signal.ITIMER_REAL, self.spec["grace"])

    def _is_cancelled(self) -> bool:
        return (self.folder / CANCELLED).exists()

    def _beat(self) -> None:
        while True:
            try:
                (self.folder / HEARTBEAT).touch()
            except OSError as error:
                print(f"the heartbeat failed: {error}", file=sys.stderr)
            if self._is_cancelled() and not self.in_batch:
                # Asked for on another machine, from where no signal comes.
                os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(HEARTBEAT_SECONDS)

    def _kill_all(self) -> None:
        """Kill what is left of the job on this machine, but this process."""
        while members := self._members():
            for pid in members:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            time.sleep(POLL_SECONDS)

    def _members(self) -> list[int]:
        """Live processes of the job's process group, and those with its mark."""
        mark = f"{MARK}={self.folder}".encode()
        found = []
        for pid in [int(name) for name in os.listdir("/proc") if name.isdigit()]:  # noqa: PTH208
            try:
                ours = os.getpgid(pid) == os.getpgid(0)
                ours = ours or mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
            if ours and pid != os.getpid() and process_start(pid) is not None:
                found.append(pid)
        return found


if __name__ == "__main__":
    mode, folder, *command = sys.argv[1:]
    if mode == "task":
        sys.exit(task(Path(folder), command))
    sys.exit({"detached": detached, "batch": batch}[mode](Path(folder)))
