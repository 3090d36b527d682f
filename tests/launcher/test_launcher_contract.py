"""The contract that every launcher keeps, with real processes."""

import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from mathmill.launcher import folder as job_folder
from mathmill.launcher.folder import FolderLauncher
from mathmill.launcher.launcher import JobSpec, JobState, JobStatus
from tests.launcher.jobs import SLEEP, ended, members, python, running, started_once, wait_until, waiting

SUBMITTER = """
import os, signal, sys
from pathlib import Path
from mathmill.launcher import wrapper
from mathmill.launcher.launcher import JobSpec
from mathmill.launcher.{module} import {name}

def die(*_):
    os.killpg(0, signal.SIGKILL)

if {before_record}:
    wrapper.write_once = die
{name}(Path({root!r})).submit(JobSpec({command!r}), "job")
die()
"""


def _submit_and_die(launcher: FolderLauncher, spec: JobSpec, *, before_record: bool) -> None:
    """Submit from a process that is killed, with its group, before or after it puts down where the job runs."""
    kind = type(launcher)
    code = SUBMITTER.format(
        module=kind.__module__.rpartition(".")[2],
        name=kind.__name__,
        root=str(launcher.root),
        command=spec.command,
        before_record=before_record,
    )
    submitter = psutil.Popen([sys.executable, "-c", code], start_new_session=True)
    assert submitter.wait() == -signal.SIGKILL


def _counting(starts: Path, then: str = SLEEP) -> JobSpec:
    return python(f"open({str(starts)!r}, 'a').write('x'); {then}")


def test_launcher_finds_nothing_under_an_unknown_key(launcher: FolderLauncher) -> None:
    assert launcher.find("never") is None
    assert launcher.read_log("never", 0) == ("", 0)
    launcher.cancel("never")


@pytest.mark.parametrize("key", ["", "a/b", "..", "x" * 300])
def test_launcher_refuses_a_key_that_is_no_folder_name(launcher: FolderLauncher, key: str) -> None:
    with pytest.raises(ValueError, match="no key"):
        launcher.find(key)


@pytest.mark.parametrize("code", [0, 2, 7])
def test_launcher_reports_the_exit_code(launcher: FolderLauncher, code: int) -> None:
    launcher.submit(python(f"raise SystemExit({code})"), "job")
    assert ended(launcher, "job") == JobStatus(JobState.ENDED, code)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_launcher_reports_the_signal_that_ended_a_job(launcher: FolderLauncher, number: int) -> None:
    launcher.submit(python(f"import os; os.kill(os.getpid(), {int(number)})"), "job")
    assert ended(launcher, "job") == JobStatus(JobState.ENDED, 128 + number)


def test_launcher_reports_a_command_that_does_not_start(launcher: FolderLauncher) -> None:
    launcher.submit(JobSpec(["/no/such/program"]), "job")
    assert ended(launcher, "job").exit_code == 127
    assert "/no/such/program" in launcher.read_log("job", 0)[0]


def test_launcher_gives_the_job_its_environment_and_folder(launcher: FolderLauncher) -> None:
    code = "import os; print(os.environ['COLOUR'], os.getpgid(0), os.environ['MATHMILL_JOB'])"
    launcher.submit(python(code, COLOUR="blue and €"), "job")
    ended(launcher, "job")
    colour, group, folder = launcher.read_log("job", 0)[0].rsplit(maxsplit=2)
    assert colour == "blue and €"
    assert int(group) != os.getpgid(0)
    assert Path(folder) == launcher.folder("job")


def test_launcher_never_runs_a_key_twice_at_once(launcher: FolderLauncher, tmp_path: Path) -> None:
    spec = _counting(tmp_path / "starts")
    launcher.submit(spec, "job")
    launcher.submit(spec, "job")
    type(launcher)(launcher.root).submit(spec, "job")
    running(launcher, "job")
    launcher.submit(spec, "job")
    started_once(tmp_path / "starts")
    assert launcher.find("job").live


def test_launcher_leaves_a_succeeded_job_and_repeats_a_failed_one(launcher: FolderLauncher, tmp_path: Path) -> None:
    count = str(tmp_path / "starts")
    spec = python(f"open({count!r}, 'a').write('x'); raise SystemExit(open({count!r}).read() == 'x')")
    launcher.submit(spec, "job")
    assert ended(launcher, "job").exit_code == 1
    launcher.submit(spec, "job")
    assert ended(launcher, "job").exit_code == 0
    launcher.submit(spec, "job")
    assert ended(launcher, "job").exit_code == 0
    assert (tmp_path / "starts").read_text() == "xx"


def test_launcher_keeps_keys_apart(launcher: FolderLauncher) -> None:
    launcher.submit(python(f"print('one', flush=True); {SLEEP}"), "job")
    launcher.submit(python(f"print('two', flush=True); {SLEEP}"), "job-2")
    for key in ("job", "job-2"):
        running(launcher, key)
        wait_until(lambda key=key: launcher.read_log(key, 0)[0])
    launcher.cancel("job")
    assert not launcher.find("job").live
    assert launcher.find("job-2").state is JobState.RUNNING
    assert len(members(launcher, "job-2")) == 1
    assert (launcher.read_log("job", 0)[0][:4], launcher.read_log("job-2", 0)[0]) == ("one\n", "two\n")


def test_launcher_starts_a_job_whose_submitter_died_after_the_intent(launcher: FolderLauncher) -> None:
    folder = launcher.root / "job" / "1"
    folder.mkdir(parents=True)
    (folder / "spec.json").write_text("{}")
    assert launcher.find("job") is None
    launcher.submit(python("print('started')"), "job")
    assert ended(launcher, "job").succeeded
    assert launcher.folder("job") == folder


def test_launcher_finds_a_job_whose_submitter_died_before_the_record(launcher: FolderLauncher, tmp_path: Path) -> None:
    spec = _counting(tmp_path / "starts")
    _submit_and_die(launcher, spec, before_record=True)
    assert launcher.find("job").live
    assert job_folder.submitted(launcher.folder("job")) is not None
    launcher.submit(spec, "job")
    running(launcher, "job")
    launcher.submit(spec, "job")
    started_once(tmp_path / "starts")


def test_launcher_job_outlives_the_process_that_submitted_it(launcher: FolderLauncher, tmp_path: Path) -> None:
    go = tmp_path / "go"
    _submit_and_die(launcher, python(waiting(go) + "print(6 * 7)"), before_record=False)
    assert launcher.find("job").live
    go.touch()
    assert ended(launcher, "job").succeeded
    assert launcher.read_log("job", 0)[0] == "42\n"


def test_launcher_log_is_read_on_from_an_offset_by_whole_lines(launcher: FolderLauncher, tmp_path: Path) -> None:
    go = tmp_path / "go"
    code = (
        "import sys\n"
        "sys.stdout.buffer.write('one\\nzwei €\\npar'.encode()); sys.stdout.flush()\n"
        f"{waiting(go)}"
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


def test_launcher_log_never_cuts_a_character(launcher: FolderLauncher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_folder, "LOG_BYTES", 8)
    text = "a€€€€\n😀😀😀 end"
    launcher.submit(python(f"import sys; sys.stdout.buffer.write({text.encode()!r})"), "job")
    ended(launcher, "job")
    parts, offset = [], 0
    while (read := launcher.read_log("job", offset))[0]:
        parts.append(read[0])
        offset = read[1]
    assert "".join(parts) == text
    assert len(parts) > 2


def test_launcher_cancel_ends_grandchildren_even_in_a_group_of_their_own(launcher: FolderLauncher) -> None:
    code = (
        "import subprocess, sys, time\n"
        "stubborn = 'import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)'\n"
        "subprocess.Popen([sys.executable, '-S', '-c', stubborn])\n"
        "subprocess.Popen([sys.executable, '-S', '-c', stubborn], start_new_session=True)\n"
        "print('up', flush=True); time.sleep(60)\n"
    )
    launcher.submit(python(code), "job")
    wait_until(lambda: len(members(launcher, "job")) == 3)
    launcher.cancel("job")
    assert members(launcher, "job") == []
    status = launcher.find("job")
    assert status.state is JobState.ENDED
    assert not status.succeeded


def test_launcher_cancel_lets_a_job_end_in_order(launcher: FolderLauncher) -> None:
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('tidy', flush=True), sys.exit(143)))\n"
        "print('up', flush=True); time.sleep(60)\n"
    )
    launcher.grace = 60.0
    launcher.submit(python(code), "job")
    wait_until(lambda: launcher.read_log("job", 0)[0])
    launcher.cancel("job")
    assert launcher.find("job") == JobStatus(JobState.ENDED, 143)
    assert "tidy" in launcher.read_log("job", 0)[0]


def test_launcher_cancel_leaves_an_ended_job_as_it_is(launcher: FolderLauncher) -> None:
    launcher.submit(python("print('done')"), "job")
    assert ended(launcher, "job").succeeded
    launcher.cancel("job")
    assert launcher.find("job").succeeded


def test_launcher_runs_a_cancelled_key_again_when_told(launcher: FolderLauncher) -> None:
    launcher.submit(python(SLEEP), "job")
    running(launcher, "job")
    launcher.cancel("job")
    launcher.submit(python("print('again')"), "job")
    assert ended(launcher, "job").succeeded
    assert launcher.read_log("job", 0)[0] == "again\n"


def test_launcher_leaves_nothing_behind_a_job_that_ended(launcher: FolderLauncher) -> None:
    child = f"subprocess.Popen([sys.executable, '-S', '-c', {SLEEP!r}], start_new_session=new)"
    launcher.submit(python(f"import subprocess, sys\nfor new in (False, True): {child}"), "job")
    assert ended(launcher, "job").succeeded
    wait_until(lambda: not members(launcher, "job"))


def test_launcher_shows_that_a_job_lives(launcher: FolderLauncher) -> None:
    launcher.submit(python(SLEEP), "job")
    running(launcher, "job")
    wait_until((launcher.folder("job") / "heartbeat").is_file)
    first = (launcher.folder("job") / "heartbeat").stat().st_mtime_ns
    wait_until(lambda: (launcher.folder("job") / "heartbeat").stat().st_mtime_ns > first)
    assert job_folder.has_heartbeat(launcher.folder("job"))
