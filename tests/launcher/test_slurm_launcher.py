"""What is particular to Slurm, on a private cluster of two nodes."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from mathmill.errors import UserError
from mathmill.launcher.launcher import JobSpec, JobState, Resources, SchedulerUnreachableError
from mathmill.launcher.processes import end_processes, send
from mathmill.launcher.slurm import SlurmLauncher
from tests.launcher.jobs import SLEEP, ended, members, python, running, started_once, wait_until
from tests.launcher.slurm_cluster import slurm


@pytest.fixture(autouse=True)
def _cluster(slurm_configuration: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_CONF", str(slurm_configuration))


@pytest.fixture
def launcher(tmp_path: Path) -> Iterator[SlurmLauncher]:
    launcher = SlurmLauncher(tmp_path / "jobs", grace=1.0)
    yield launcher
    launcher.cancel_all()


def _job_id(launcher: SlurmLauncher, key: str = "job") -> str:
    return json.loads((launcher.folder(key) / "submitted.json").read_text())["job_id"]


def test_slurm_launcher_runs_tasks_on_all_nodes_with_their_gpus(launcher: SlurmLauncher) -> None:
    spec = python("import os; print(os.environ['SLURM_PROCID'], os.environ['SLURMD_NODENAME'], os.environ['GPUS'])")
    tasks = JobSpec(
        ["sh", "-c", 'GPUS=$SLURM_GPUS_ON_NODE exec "$@"', "-", *spec.command], {}, Resources(nodes=2, tasks=2, gpus=1)
    )
    launcher.submit(tasks, "job")
    assert ended(launcher, "job").succeeded
    lines = sorted(launcher.read_log("job", 0)[0].splitlines())
    assert lines == ["0 n1 1", "1 n1 1", "2 n2 1", "3 n2 1"]


def test_slurm_launcher_ends_all_tasks_when_one_fails_and_tells_its_exit_code(launcher: SlurmLauncher) -> None:
    code = f"import os, sys\nif os.environ['SLURM_PROCID'] == '1': sys.exit(2)\n{SLEEP}"
    launcher.submit(JobSpec(python(code).command, resources=Resources(nodes=2)), "job")
    assert ended(launcher, "job").exit_code == 2


def test_slurm_launcher_says_what_sbatch_says_of_a_bad_request(launcher: SlurmLauncher) -> None:
    nowhere = SlurmLauncher(launcher.root, partition="nowhere")
    with pytest.raises(UserError, match=r"sbatch: .*invalid partition"):
        nowhere.submit(python("pass"), "job")
    assert launcher.find("job") is None


def test_slurm_launcher_finds_a_job_that_waits_by_its_key_alone(launcher: SlurmLauncher) -> None:
    SlurmLauncher(launcher.root, options=["--hold"]).submit(python("print('ran')"), "job")
    number = _job_id(launcher)
    (launcher.folder("job") / "submitted.json").unlink()
    status = launcher.find("job")
    assert (status.state, status.reason) == (JobState.QUEUED, "JobHeldUser")
    assert _job_id(launcher) == number
    subprocess.run(["scontrol", "release", number], check=True)
    assert ended(launcher, "job").succeeded


def test_slurm_launcher_cancels_a_job_that_waits(launcher: SlurmLauncher, tmp_path: Path) -> None:
    held = SlurmLauncher(launcher.root, options=["--hold"])
    held.submit(python(f"open({str(tmp_path / 'ran')!r}, 'w')"), "job")
    launcher.cancel("job")
    assert launcher.find("job").state is JobState.ENDED
    assert not launcher.find("job").succeeded
    assert not (tmp_path / "ran").exists()


def test_slurm_launcher_lets_the_first_of_two_submitters_jobs_run(launcher: SlurmLauncher, tmp_path: Path) -> None:
    spec = python(f"open({str(tmp_path / 'starts')!r}, 'a').write('x'); {SLEEP}")
    launcher.submit(spec, "job")
    # As one does who looked before the first submitter was done.
    launcher._start(launcher.folder("job"), spec)  # noqa: SLF001
    running(launcher, "job")
    started_once(tmp_path / "starts")
    listed = ["squeue", "--noheader", "--name=job", "--format=%i"]
    wait_until(lambda: subprocess.check_output(listed, text=True).split() == [_job_id(launcher)])


def test_slurm_launcher_follows_a_requeued_job_into_its_second_life(launcher: SlurmLauncher, tmp_path: Path) -> None:
    lives = tmp_path / "lives"
    code = (
        f"import time; lives = open({str(lives)!r}, 'a'); lives.write('x'); lives.close()\n"
        f"count = len(open({str(lives)!r}).read()); print('life', count, flush=True)\n"
        "time.sleep(60 if count == 1 else 0)"
    )
    launcher.submit(python(code), "job")
    running(launcher, "job")
    wait_until(lambda: "life 1" in launcher.read_log("job", 0)[0])
    subprocess.run(["scontrol", "requeue", _job_id(launcher)], check=True)
    wait_until(lambda: launcher.find("job").state is JobState.QUEUED)
    # Slurm would wait some minutes.
    subprocess.run(["scontrol", "update", f"job={_job_id(launcher)}", "StartTime=now"], check=True)
    assert ended(launcher, "job").succeeded
    assert [line for line in launcher.read_log("job", 0)[0].splitlines() if "life" in line] == ["life 1", "life 2"]
    assert launcher.folder("job").name == "1"


@pytest.mark.slow
def test_slurm_launcher_sees_a_job_of_a_lost_node_run_on_another(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    with slurm(tmp_path_factory.mktemp("lost")) as configuration:
        monkeypatch.setenv("SLURM_CONF", str(configuration))
        launcher = SlurmLauncher(tmp_path / "jobs", grace=1.0)
        request.addfinalizer(lambda: end_processes(members(launcher, "job"), grace=0))
        nodes = tmp_path / "nodes"
        code = (
            f"import os, time; nodes = open({str(nodes)!r}, 'a'); print(os.environ['SLURMD_NODENAME'], file=nodes)\n"
            f"nodes.close(); time.sleep(600 if len(open({str(nodes)!r}).readlines()) == 1 else 0)"
        )
        launcher.submit(python(code), "job")
        wait_until(lambda: nodes.is_file() and nodes.read_text() == "n1\n")
        (member,) = members(launcher, "job")
        command = ["slurmd", "-D", "-f", str(configuration), "-N", "n1"]
        (node,) = [one for one in psutil.process_iter(["cmdline"]) if one.info["cmdline"] == command]
        # Slurm's own process of the job before the wrapper, of whose end it would tell.
        for process in (node, *reversed(member.parents()[:2]), member):
            send(process, signal.SIGKILL)
        wait_until(lambda: launcher.find("job").state is JobState.QUEUED, 120)
        # Slurm would wait some minutes.
        subprocess.run(["scontrol", "update", f"job={_job_id(launcher)}", "StartTime=now"], check=True)
        assert ended(launcher, "job").succeeded
        assert nodes.read_text() == "n1\nn2\n"
        assert launcher.folder("job").name == "1"


def test_slurm_launcher_takes_the_folder_s_word_for_a_job_that_slurm_forgot(launcher: SlurmLauncher) -> None:
    launcher.submit(python("raise SystemExit(5)"), "job")
    assert ended(launcher, "job").exit_code == 5
    (launcher.folder("job") / "submitted.json").write_text('{"job_id": "999999"}')
    assert launcher.find("job").exit_code == 5
    (launcher.folder("job") / "exit_code").unlink()
    (launcher.folder("job") / "heartbeat").unlink()
    status = launcher.find("job")
    assert (status.state, status.reason) == (JobState.LOST, "Slurm does not know it any more")


def test_slurm_launcher_tells_a_job_that_was_killed_with_its_wrapper(launcher: SlurmLauncher) -> None:
    launcher.submit(python(SLEEP), "job")
    running(launcher, "job")
    (member,) = members(launcher, "job")
    os.kill(member.ppid(), signal.SIGKILL)
    wait_until(lambda: launcher.find("job").state is JobState.LOST)
    assert launcher.find("job").reason == "Slurm says FAILED, and it left no exit code"
    # This cluster's proctrack/linuxproc loses sight of it; proctrack/cgroup would have ended it.
    member.kill()


def test_slurm_launcher_tells_an_absent_controller_from_an_absent_job(
    launcher: SlurmLauncher, slurm_configuration: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher.submit(python(SLEEP), "job")
    running(launcher, "job")
    text = slurm_configuration.read_text()
    port = next(line for line in text.splitlines() if line.startswith("SlurmctldPort="))
    (tmp_path / "slurm.conf").write_text(text.replace(port, "SlurmctldPort=9") + "MessageTimeout=2\n")
    monkeypatch.setenv("SLURM_CONF", str(tmp_path / "slurm.conf"))
    assert launcher.find("job").state is JobState.RUNNING  # by its heartbeat
    (launcher.folder("job") / "heartbeat").unlink()
    with pytest.raises(SchedulerUnreachableError):
        launcher.submit(python(SLEEP), "other")
    monkeypatch.setenv("SLURM_CONF", str(slurm_configuration))


def test_slurm_launcher_names_the_package_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"sbatch is not installed .* slurm-client"):
        SlurmLauncher(tmp_path / "jobs").submit(python("pass"), "job")
