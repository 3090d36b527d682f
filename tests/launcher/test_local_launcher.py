"""What is particular to jobs on one machine."""

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path

import psutil
import pytest

from mathmill.errors import UserError
from mathmill.launcher.launcher import JobSpec, JobState, JobStatus, Resources
from mathmill.launcher.local import LocalLauncher
from mathmill.launcher.processes import alive
from tests.launcher.jobs import SLEEP, ended, members, python, running, started_once, wait_until


@pytest.fixture
def launcher(tmp_path: Path) -> Iterator[LocalLauncher]:
    launcher = LocalLauncher(tmp_path / "jobs", grace=1.0)
    yield launcher
    launcher.cancel_all()


def _wrapper(launcher: LocalLauncher) -> int:
    return json.loads((launcher.folder("job") / "submitted.json").read_text())["pid"]


def _as_if_elsewhere(launcher: LocalLauncher) -> None:
    """Let the record say that the job runs where its processes cannot be seen from here."""
    record = launcher.folder("job") / "submitted.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"machine": "another"}))


def test_local_launcher_tells_a_lost_job_and_submits_it_anew(launcher: LocalLauncher) -> None:
    launcher.submit(python(SLEEP), "job")
    running(launcher, "job")
    os.killpg(_wrapper(launcher), signal.SIGKILL)
    assert ended(launcher, "job") == JobStatus(JobState.LOST)
    launcher.submit(python("print('again')"), "job")
    assert ended(launcher, "job").succeeded


def test_local_launcher_ends_what_a_dead_wrapper_left_before_the_next_attempt(launcher: LocalLauncher) -> None:
    launcher.submit(python(SLEEP), "job")
    running(launcher, "job")
    (orphan,) = members(launcher, "job")
    os.kill(_wrapper(launcher), signal.SIGKILL)
    assert ended(launcher, "job") == JobStatus(JobState.LOST)
    assert alive(orphan)
    launcher.submit(python("print('again')"), "job")
    assert not alive(orphan)
    assert ended(launcher, "job").succeeded


def test_local_launcher_never_touches_a_process_that_took_over_the_id(launcher: LocalLauncher) -> None:
    launcher.submit(python("pass"), "job")
    ended(launcher, "job")
    bystander = psutil.Popen([sys.executable, "-S", "-c", SLEEP])
    try:
        record = launcher.folder("job") / "submitted.json"
        record.write_text(json.dumps(json.loads(record.read_text()) | {"pid": bystander.pid}))
        (launcher.folder("job") / "exit_code").unlink()
        assert launcher.find("job").state is JobState.LOST
        launcher.cancel("job")
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_local_launcher_believes_the_heartbeat_of_a_job_on_another_machine(launcher: LocalLauncher) -> None:
    launcher.grace = 60.0
    launcher.submit(python(SLEEP), "job")
    running(launcher, "job")
    wait_until((launcher.folder("job") / "heartbeat").is_file)
    _as_if_elsewhere(launcher)
    assert launcher.find("job").state is JobState.RUNNING
    os.kill(_wrapper(launcher), signal.SIGSTOP)
    wait_until(lambda: psutil.Process(_wrapper(launcher)).status() == psutil.STATUS_STOPPED)
    long_ago = time.time() - 120
    os.utime(launcher.folder("job") / "heartbeat", (long_ago, long_ago))
    status = launcher.find("job")
    assert (status.state, status.reason) == (JobState.LOST, "its machine shows no sign of life")
    os.kill(_wrapper(launcher), signal.SIGCONT)


def test_local_launcher_cancels_a_job_on_another_machine(launcher: LocalLauncher) -> None:
    launcher.grace = 60.0
    launcher.submit(python(SLEEP), "job")
    running(launcher, "job")
    _as_if_elsewhere(launcher)
    launcher.cancel("job")
    assert launcher.find("job").exit_code == 128 + signal.SIGTERM
    assert members(launcher, "job") == []


def test_local_launcher_runs_one_of_many_that_are_submitted_at_the_same_time(
    launcher: LocalLauncher, tmp_path: Path
) -> None:
    spec = python(f"open({str(tmp_path / 'starts')!r}, 'a').write('x'); {SLEEP}")
    submitters = [get_context("fork").Process(target=launcher.submit, args=(spec, "job")) for _ in range(8)]
    for submitter in submitters:
        submitter.start()
    for submitter in submitters:
        submitter.join()
        assert submitter.exitcode == 0
    running(launcher, "job")
    started_once(tmp_path / "starts")


def test_local_launcher_has_one_node(launcher: LocalLauncher) -> None:
    with pytest.raises(UserError, match="2 nodes with 4 tasks each needs a scheduler"):
        launcher.submit(JobSpec(["true"], resources=Resources(nodes=2, tasks=4)), "job")
