"""Jobs as detached process groups on this machine, each with a folder that tells its story.

```
<root>/<key>/1/   spec.json, process.json, log, exit_code (see mathmill.launcher.wrapper)
<root>/<key>/2/   the next attempt, begun after the first failed
```
"""

import json
import re
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import psutil
from typing_extensions import override

from mathmill.launcher import wrapper
from mathmill.launcher.launcher import JobSpec, JobState, JobStatus, Launcher
from mathmill.launcher.processes import end_processes, processes_with
from mathmill.output import write_text

GRACE_SECONDS = 10.0
"""Between the request to end and the use of force."""
LOG_BYTES = 1 << 20
"""Read at most so much of a log at once."""


class LocalLauncher(Launcher):
    """Runs jobs on this machine; `root` holds their folders."""

    def __init__(self, root: Path, *, grace: float = GRACE_SECONDS) -> None:
        self.root = root
        self.grace = grace

    @override
    def submit(self, spec: JobSpec, key: str) -> None:
        last = self.folder(key)
        if last is None:
            folder = self._key_folder(key) / "1"
        elif (last / wrapper.PROCESS).is_file():
            status = _status(last)
            if status.state is JobState.RUNNING or status.succeeded:
                return
            folder = last.with_name(str(int(last.name) + 1))
        else:
            folder = last
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / wrapper.SPEC, json.dumps(asdict(spec), indent=2))
        interpreter = [sys.executable, "-S", "-P"]
        subprocess.run([*interpreter, wrapper.__file__, str(folder)], check=True, stdin=subprocess.DEVNULL)

    @override
    def find(self, key: str) -> JobStatus | None:
        folder = self.folder(key)
        return _status(folder) if folder is not None else None

    @override
    def cancel(self, key: str) -> None:
        folder = self.folder(key)
        if folder is not None:
            end_job(folder, self.grace)

    @override
    def read_log(self, key: str, offset: int) -> tuple[str, int]:
        folder = self.folder(key)
        if folder is None or not (folder / wrapper.LOG).is_file():
            return "", offset
        with (folder / wrapper.LOG).open("rb") as log:
            log.seek(offset)
            data = log.read(LOG_BYTES)
        whole = data.rfind(b"\n") + 1
        if not whole and (len(data) == LOG_BYTES or _status(folder).state is not JobState.RUNNING):
            whole = len(data)
        return data[:whole].decode("utf-8", errors="replace"), offset + whole

    def folder(self, key: str) -> Path | None:
        """The folder of the last attempt of `key`."""
        key_folder = self._key_folder(key)
        attempts = [int(path.name) for path in key_folder.iterdir()] if key_folder.is_dir() else []
        return key_folder / str(max(attempts)) if attempts else None

    def cancel_all(self) -> None:
        """End every job that still runs."""
        for process_file in sorted(self.root.glob(f"*/*/{wrapper.PROCESS}")):
            if _status(process_file.parent).state is JobState.RUNNING:
                end_job(process_file.parent, self.grace)

    def _key_folder(self, key: str) -> Path:
        if not re.fullmatch(r"[A-Za-z0-9_+-][A-Za-z0-9._+-]{0,199}", key):
            raise ValueError(f"{key!r} is no key for a job: use at most 200 letters, digits and . _ + -")
        return self.root / key


def end_job(folder: Path, grace: float) -> None:
    """End every process of the attempt in `folder`, and write down that it did not end by itself."""
    members = processes_with(wrapper.MARK, str(folder))
    leader = _leader(folder)
    if leader is None and not members:
        return
    end_processes([*members, *([leader] if leader else [])], grace=grace, leaders=[leader] if leader else [])
    wrapper.write_once(folder / wrapper.EXIT_CODE, str(128 + signal.SIGKILL))


def _leader(folder: Path) -> psutil.Process | None:
    """The live wrapper process of the attempt in `folder`."""
    if not (folder / wrapper.PROCESS).is_file():
        return None
    record = json.loads((folder / wrapper.PROCESS).read_text(encoding="utf-8"))
    if record["start"] is None or wrapper.process_start(record["pid"]) != record["start"]:
        return None
    try:
        return psutil.Process(record["pid"])
    except psutil.NoSuchProcess:
        return None


def _status(folder: Path) -> JobStatus:
    running = _leader(folder) is not None
    if (folder / wrapper.EXIT_CODE).is_file():
        return JobStatus(JobState.ENDED, int((folder / wrapper.EXIT_CODE).read_text(encoding="utf-8")))
    return JobStatus(JobState.RUNNING if running else JobState.LOST)
