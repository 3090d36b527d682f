"""The process around a local job: it detaches, starts the job's command and writes down how that ended.

Run as a file with the job folder as its only argument, by an interpreter that need not have this package: nothing
but the standard library is imported. Files of the folder:

    spec.json      command and environment, written before this process starts
    process.json   this process's id and start, which also leads the job's process group; made once
    log            what the command writes
    exit_code      how the command ended; appears in one piece
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

SPEC = "spec.json"
PROCESS = "process.json"
LOG = "log"
EXIT_CODE = "exit_code"
MARK = "MATHMILL_JOB"
"""Environment variable by which every process of a job is known, also one that left the process group."""


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
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink()
    return True


def main(folder: Path) -> int:
    """Detach; the first process returns when the job is on record, the second one sees the job through."""
    started, announce = os.pipe()
    if os.fork():
        os.close(announce)
        os.read(started, 1)
        return 0
    os.close(started)
    os.setsid()
    record = json.dumps({"pid": os.getpid(), "start": process_start(os.getpid())})
    if write_once(folder / PROCESS, record):
        os.close(announce)
        _see_through(folder)
    return 0


def _see_through(folder: Path) -> None:
    spec = json.loads((folder / SPEC).read_text(encoding="utf-8"))
    with (folder / LOG).open("ab") as log, Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    signal.signal(signal.SIGTERM, _pass_on)
    signal.signal(signal.SIGINT, _pass_on)
    environment = {**os.environ, **spec["environment"], MARK: str(folder)}
    try:
        code = subprocess.Popen(spec["command"], env=environment).wait()
    except OSError as error:
        print(f"mathmill: error: the job did not start: {error}", file=sys.stderr)
        code = 127
    write_once(folder / EXIT_CODE, str(code if code >= 0 else 128 - code))
    os.killpg(0, signal.SIGKILL)


def _pass_on(number: int, _frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)
    os.killpg(0, number)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
