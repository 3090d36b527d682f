"""The contract of a launcher, kept by LocalLauncher with real processes."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from mathmill.launcher.launcher import JobSpec, JobState, JobStatus
from mathmill.launcher.local import LocalLauncher
from mathmill.launcher.processes import processes_with


@pytest.fixture
def launcher(tmp_path: Path) -> Iterator[LocalLauncher]:
    launcher = LocalLauncher(tmp_path / "jobs", grace=1.0)
    yield launcher
    launcher.cancel_all()


def python(code: str, **environment: str) -> JobSpec:
    return JobSpec([sys.executable, "-S", "-c", code], environment)


def wait_until(true: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "did not come true in time"
        time.sleep(0.02)


def ended(launcher: LocalLauncher, key: str) -> JobStatus:
    wait_until(lambda: launcher.find(key).state is not JobState.RUNNING)
    return launcher.find(key)


def members(launcher: LocalLauncher, key: str) -> list[psutil.Process]:
    return processes_with("MATHMILL_JOB", str(launcher.folder(key)))


def test_launcher_finds_nothing_under_an_unknown_key(launcher: LocalLauncher) -> None:
    assert launcher.find("never") is None
    assert launcher.read_log("never", 0) == ("", 0)
    launcher.cancel("never")


@pytest.mark.parametrize("key", ["", "a/b", "..", "x" * 300])
def test_launcher_refuses_a_key_that_is_no_folder_name(launcher: LocalLauncher, key: str) -> None:
    with pytest.raises(ValueError, match="no key"):
        launcher.find(key)


@pytest.mark.parametrize("code", [0, 2, 7])
def test_launcher_reports_the_exit_code(launcher: LocalLauncher, code: int) -> None:
    launcher.submit(python(f"raise SystemExit({code})"), "job")
    assert ended(launcher, "job") == JobStatus(JobState.ENDED, code)


def test_launcher_reports_a_command_that_does_not_start(launcher: LocalLauncher) -> None:
    launcher.submit(JobSpec(["/no/such/program"]), "job")
    assert ended(launcher, "job").exit_code == 127
    assert "/no/such/program" in launcher.read_log("job", 0)[0]


def test_launcher_gives_the_job_its_environment(launcher: LocalLauncher) -> None:
    launcher.submit(python("import os; print(os.environ['COLOUR'], os.getpgid(0))", COLOUR="blue"), "job")
    ended(launcher, "job")
    colour, group = launcher.read_log("job", 0)[0].split()
    assert colour == "blue"
    assert int(group) != os.getpgid(0)


def test_launcher_never_runs_a_key_twice_at_once(launcher: LocalLauncher, tmp_path: Path) -> None:
    spec = python(f"open({str(tmp_path / 'starts')!r}, 'a').write('x'); import time; time.sleep(30)")
    launcher.submit(spec, "job")
    launcher.submit(spec, "job")
    LocalLauncher(launcher.root).submit(spec, "job")
    wait_until((tmp_path / "starts").is_file)
    time.sleep(0.3)
    assert (tmp_path / "starts").read_text() == "x"
    assert launcher.find("job").state is JobState.RUNNING


def test_launcher_leaves_a_succeeded_job_and_repeats_a_failed_one(launcher: LocalLauncher, tmp_path: Path) -> None:
    count = str(tmp_path / "starts")
    spec = python(f"open({count!r}, 'a').write('x'); raise SystemExit(open({count!r}).read() == 'x')")
    launcher.submit(spec, "job")
    assert ended(launcher, "job").exit_code == 1
    launcher.submit(spec, "job")
    assert ended(launcher, "job").exit_code == 0
    launcher.submit(spec, "job")
    assert ended(launcher, "job").exit_code == 0
    assert (tmp_path / "starts").read_text() == "xx"


def test_launcher_starts_a_job_whose_submitter_died_after_writing_the_intent(launcher: LocalLauncher) -> None:
    folder = launcher.root / "job" / "1"
    folder.mkdir(parents=True)
    (folder / "spec.json").write_text(json.dumps({"command": ["false"], "environment": {}}))
    launcher.submit(python("print('started')"), "job")
    assert ended(launcher, "job").succeeded
    assert launcher.folder("job") == folder


def test_launcher_log_is_read_on_from_an_offset_by_whole_lines(launcher: LocalLauncher, tmp_path: Path) -> None:
    go = tmp_path / "go"
    code = (
        "import os, sys, time\n"
        "print('one'); print('zwei €'); print('par', end=''); sys.stdout.flush()\n"
        f"while not os.path.exists({str(go)!r}): time.sleep(0.02)\n"
        "print('tial'); print('no newline', end='')\n"
    )
    launcher.submit(python(code), "job")
    wait_until(lambda: launcher.read_log("job", 0)[0])
    first, offset = launcher.read_log("job", 0)
    assert first == "one\nzwei €\n"
    assert launcher.read_log("job", offset) == ("", offset)
    go.touch()
    ended(launcher, "job")
    second, offset = launcher.read_log("job", offset)
    third, offset = launcher.read_log("job", offset)
    assert second + third == "partial\nno newline"
    assert launcher.read_log("job", offset) == ("", offset)


def test_launcher_cancel_ends_grandchildren_even_in_a_group_of_their_own(launcher: LocalLauncher) -> None:
    code = (
        "import subprocess, sys, time\n"
        "stubborn = 'import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)'\n"
        "subprocess.Popen([sys.executable, '-S', '-c', stubborn])\n"
        "subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(60)'], start_new_session=True)\n"
        "print('up', flush=True); time.sleep(60)\n"
    )
    launcher.submit(python(code), "job")
    wait_until(lambda: len(members(launcher, "job")) == 3)
    launcher.cancel("job")
    assert members(launcher, "job") == []
    status = launcher.find("job")
    assert status.state is JobState.ENDED
    assert not status.succeeded


def test_launcher_cancel_lets_a_job_end_in_order(launcher: LocalLauncher) -> None:
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('tidy', flush=True), sys.exit(143)))\n"
        "print('up', flush=True); time.sleep(60)\n"
    )
    launcher.submit(python(code), "job")
    wait_until(lambda: launcher.read_log("job", 0)[0])
    launcher.cancel("job")
    assert launcher.find("job") == JobStatus(JobState.ENDED, 143)
    assert "tidy" in launcher.read_log("job", 0)[0]


def test_launcher_leaves_nothing_behind_a_job_that_ended(launcher: LocalLauncher) -> None:
    code = "import subprocess, sys; subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(60)'])"
    launcher.submit(python(code), "job")
    assert ended(launcher, "job").succeeded
    wait_until(lambda: not members(launcher, "job"))


def test_launcher_tells_a_lost_job_and_submits_it_anew(launcher: LocalLauncher) -> None:
    launcher.submit(python("import time; time.sleep(60)"), "job")
    pid = json.loads((launcher.folder("job") / "process.json").read_text())["pid"]
    os.killpg(pid, signal.SIGKILL)
    assert ended(launcher, "job") == JobStatus(JobState.LOST)
    launcher.submit(python("print('again')"), "job")
    assert ended(launcher, "job").succeeded


def test_launcher_never_touches_a_process_that_took_over_the_id(launcher: LocalLauncher) -> None:
    bystander = psutil.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
    try:
        folder = launcher.root / "job" / "1"
        folder.mkdir(parents=True)
        (folder / "spec.json").write_text(json.dumps({"command": [], "environment": {}}))
        (folder / "process.json").write_text(json.dumps({"pid": bystander.pid, "start": "another-boot:1"}))
        assert launcher.find("job").state is JobState.LOST
        launcher.cancel("job")
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_launcher_job_outlives_the_process_that_submitted_it(launcher: LocalLauncher) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from mathmill.launcher.launcher import JobSpec; from mathmill.launcher.local import LocalLauncher\n"
        f"LocalLauncher(Path({str(launcher.root)!r})).submit("
        "JobSpec([sys.executable, '-S', '-c', 'import time; time.sleep(1); print(6 * 7)']), 'job')\n"
        "os.killpg(0, signal.SIGKILL)\n"
    )
    submitter = psutil.Popen([sys.executable, "-c", code], start_new_session=True)
    assert submitter.wait() == -signal.SIGKILL
    assert launcher.find("job").state is JobState.RUNNING
    assert ended(launcher, "job").succeeded
    assert launcher.read_log("job", 0)[0] == "42\n"
