"""What all launchers have in common: the folders that tell their jobs' stories.

```
<root>/<key>/1/   see mathmill.launcher.wrapper for the files
<root>/<key>/2/   the next attempt, begun after the first failed or was lost
```

The folder is the truth: an exit code in it counts whatever a scheduler remembers. Where several machines run jobs
or watch them, `root` lies on storage that they share.
"""

import codecs
import json
import re
import signal
import sys
import time
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from typing_extensions import override

from mathmill.launcher import wrapper
from mathmill.launcher.launcher import JobSpec, JobState, JobStatus, Launcher, MlflowRun
from mathmill.output import write_text

GRACE_SECONDS = 10.0
"""Between the request to end and the use of force."""
STALE_SECONDS = 60.0
"""A heartbeat this old is none: shared storage may show a file's time late."""
LOG_BYTES = 1 << 20
"""Read at most so much of a log at once."""


class FolderLauncher(Launcher):
    """Keeps the jobs' folders in `root`; where and how jobs run is another class's business."""

    def __init__(self, root: Path, *, grace: float = GRACE_SECONDS) -> None:
        self.root = root
        self.grace = grace

    @abstractmethod
    def _start(self, folder: Path, spec: JobSpec) -> None:
        """Start the attempt in `folder` unless it is on record already."""

    @abstractmethod
    def _live_status(self, folder: Path) -> JobStatus | None:
        """How the attempt in `folder`, which has no exit code, does; None when it was never submitted."""

    @abstractmethod
    def _end(self, folder: Path) -> None:
        """End every process of the attempt in `folder` and return when they are gone."""

    @override
    def submit(self, spec: JobSpec, key: str) -> None:
        last = self.folder(key)
        folder = last or self._key_folder(key) / "1"
        if last is not None and (status := self._status(last)) is not None:
            if status.live or status.succeeded:
                return
            if status.state is JobState.LOST:
                # What watched over the job is gone; the job itself may not be.
                self._end(last)
            folder = last.with_name(str(int(last.name) + 1))
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / wrapper.SPEC, json.dumps({**asdict(spec), "grace": self.grace}, indent=2))
        self._start(folder, spec)

    @override
    def find(self, key: str) -> JobStatus | None:
        folder = self.folder(key)
        return self._status(folder) if folder is not None else None

    @override
    def cancel(self, key: str) -> None:
        folder = self.folder(key)
        if folder is None or exit_code(folder) is not None:
            return
        (folder / wrapper.CANCELLED).touch()
        self._end(folder)
        wrapper.write_once(folder / wrapper.EXIT_CODE, str(128 + signal.SIGKILL))

    @override
    def read_log(self, key: str, offset: int) -> tuple[str, int]:
        folder = self.folder(key)
        if folder is None or not (folder / wrapper.LOG).is_file():
            return "", offset
        # Asked before reading, so that what was written last is read by whole lines too.
        ended = (status := self._status(folder)) is None or not status.live
        with (folder / wrapper.LOG).open("rb") as log:
            log.seek(offset)
            data = log.read(LOG_BYTES)
        whole = data.rfind(b"\n") + 1
        if not whole and len(data) == LOG_BYTES:
            whole = len(data) - _begun_character(data)
        elif not whole and ended:
            whole = len(data)
        return data[:whole].decode("utf-8", errors="replace"), offset + whole

    @override
    def mlflow_run(self, key: str) -> MlflowRun | None:
        folder = self.folder(key)
        if folder is None or not (folder / wrapper.MLFLOW_RUN).is_file():
            return None
        return MlflowRun(**json.loads((folder / wrapper.MLFLOW_RUN).read_text(encoding="utf-8")))

    def folder(self, key: str) -> Path | None:
        """The folder of the last attempt of `key`."""
        key_folder = self._key_folder(key)
        attempts = [int(path.name) for path in key_folder.iterdir()] if key_folder.is_dir() else []
        return key_folder / str(max(attempts)) if attempts else None

    def cancel_all(self, environment: Mapping[str, str] | None = None) -> list[str]:
        """End every job that is live and was given `environment`, variables and their values; the keys of these."""
        live = [
            key_folder.name
            for key_folder in (sorted(self.root.iterdir()) if self.root.is_dir() else [])
            if (environment or {}).items() <= self._environment(key_folder.name).items()
            and (status := self.find(key_folder.name)) is not None
            and status.live
        ]
        for key in live:
            self.cancel(key)
        return live

    def _environment(self, key: str) -> dict[str, str]:
        """What the last attempt of `key` was given; nothing before it was put down."""
        folder = self.folder(key)
        if folder is None or not (folder / wrapper.SPEC).is_file():
            return {}
        given: dict[str, str] = json.loads((folder / wrapper.SPEC).read_text(encoding="utf-8"))["environment"]
        return given

    def _status(self, folder: Path) -> JobStatus | None:
        """How the attempt in `folder` does; None when it was never submitted."""
        if (code := exit_code(folder)) is not None:
            return JobStatus(JobState.ENDED, code)
        status = self._live_status(folder)
        # It may have ended while that was found out.
        code = exit_code(folder)
        return status if code is None else JobStatus(JobState.ENDED, code)

    def _key_folder(self, key: str) -> Path:
        if not re.fullmatch(r"[A-Za-z0-9_+-][A-Za-z0-9._+-]{0,199}", key):
            raise ValueError(f"{key!r} is no key for a job: use at most 200 letters, digits and . _ + -")
        return self.root / key


def exit_code(folder: Path) -> int | None:
    """The exit code of the attempt in `folder`; None while there is none."""
    try:
        return int((folder / wrapper.EXIT_CODE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def submitted(folder: Path) -> dict[str, Any] | None:
    """The record of where the attempt in `folder` runs; None before it was submitted."""
    try:
        record: dict[str, Any] = json.loads((folder / wrapper.SUBMITTED).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return record


def has_heartbeat(folder: Path, seconds: float = STALE_SECONDS) -> bool:
    """Whether the attempt in `folder` showed that it lives within the last `seconds`."""
    try:
        return time.time() - (folder / wrapper.HEARTBEAT).stat().st_mtime < seconds
    except FileNotFoundError:
        return False


def wrapper_command(mode: str, folder: Path) -> list[str]:
    """What runs the wrapper around the attempt in `folder`; `mode` is detached, batch or task."""
    return [sys.executable, "-S", "-P", wrapper.__file__, mode, str(folder)]


def _begun_character(data: bytes) -> int:
    """How many bytes of a UTF-8 character that is not complete `data` ends with."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    decoder.decode(data)
    return len(decoder.getstate()[0])
