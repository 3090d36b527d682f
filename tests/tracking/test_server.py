"""A real MLflow server that is away when a run begins, in its middle or at its end."""

import argparse
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from matplotlib.figure import Figure
from mlflow.entities import Run

from mathmill.home import outputs
from mathmill.job import Figures, Job, job_parser, run_job
from mathmill.job_record import JobRecord
from mathmill.launcher import wrapper
from mathmill.recipe_file import load_recipe
from mathmill.stack.services import mlflow_command
from mathmill.stack.settings import Ports, choose_ports
from mathmill.tracking import deliver
from mathmill.tracking import task_run as task_runs
from mathmill.tracking.server import tracking_client
from mathmill.tracking.task_run import JOURNALS, task_run
from tests.processes import START_SECONDS, kill_all

pytestmark = pytest.mark.slow


class MlflowServer:
    """A server on the database of the test's home."""

    def __init__(self, port: int) -> None:
        self.ports = Ports(airflow=0, mlflow=port)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = mlflow_command(self.ports)
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                if requests.get(f"{self.ports.mlflow_url}/health", timeout=5).ok:
                    return
            except (requests.ConnectionError, requests.Timeout):
                time.sleep(0.2)
        pytest.fail("MLflow did not start")

    def stop(self) -> None:
        if self.process is not None:
            kill_all(self.process)
            self.process.wait()
            self.process = None


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[MlflowServer]:
    one = MlflowServer(choose_ports(None).mlflow)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", one.ports.mlflow_url)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    yield one
    one.stop()


def _history(run_id: str) -> list[tuple[int, float]]:
    history = tracking_client().get_metric_history(run_id, "loss")
    return sorted((one.step, one.value) for one in history)


def test_a_server_that_goes_away_for_a_minute_has_everything_at_the_end(server: MlflowServer) -> None:
    server.start()
    with task_run(load_recipe("demo"), "pretrain") as run:
        for step in range(1, 1501):
            if step == 500:
                server.stop()
            if 500 <= step < 1000:
                time.sleep(60 / 500)
            if step == 1000:
                run.log_figure(Figure(), "loss.png")
                run.log_table({"step": [1, 2], "note": ["a", None]}, "notes.json")
                server.start()
            run.log_metrics({"loss": 1 / step}, step=step)
    assert _history(run.run_id) == [(step, 1 / step) for step in range(1, 1501)]
    client = tracking_client()
    assert client.get_run(run.run_id).info.status == "FINISHED"
    assert {one.path for one in client.list_artifacts(run.run_id)} == {"loss.png", "notes.json"}
    assert client.load_table(run.experiment_id, "notes.json", [run.run_id]).values.tolist() == [[1, "a"], [2, None]]


def test_what_a_job_could_not_tell_is_delivered_later(
    server: MlflowServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(task_runs, "END_SECONDS", 0.1)
    server.start()
    out = outputs("demo", "base") / "one"
    with task_run(load_recipe("demo"), "pretrain", journals=out / JOURNALS) as run:
        made = run.known_id()
        server.stop()
        run.log_metrics({"loss": 1.0}, step=1)
    (out / "_SUCCESS").touch()
    assert "`mathmill deliver` tells it later" in caplog.text
    monkeypatch.setattr(deliver, "SECONDS", 0.1)
    assert deliver.main([]) == 2
    server.start()
    monkeypatch.setattr(deliver, "SECONDS", 60.0)
    assert deliver.main([]) == 0
    assert _history(made) == [(1, 1.0)]
    assert tracking_client().get_run(made).info.status == "FINISHED"
    assert not (out / JOURNALS).exists()


def _arguments(out: Path) -> argparse.Namespace:
    return job_parser("a job").parse_args(["--recipe", "demo", "--out", str(out)])


def _runs() -> list[Run]:
    client = tracking_client()
    return client.search_runs([client.get_experiment_by_name("demo").experiment_id])


def test_a_server_that_comes_after_the_job_began_has_everything(
    server: MlflowServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(wrapper.MARK, str(tmp_path))
    known = tmp_path / wrapper.MLFLOW_RUN
    began: list[float] = []

    def body(job: Job) -> Figures:
        began.append(time.time())
        assert job.run.run_id == ""
        job.run.log_metrics({"loss": 2.0}, step=1)
        assert not known.exists()
        server.start()
        job.run.log_metrics({"loss": 1.0}, step=2)
        made = job.run.known_id()
        assert json.loads(known.read_text()) == {"run_id": made, "experiment_id": job.run.experiment_id}
        return {}

    started = time.time()
    assert run_job("pretrain", _arguments(tmp_path / "out"), body) == 0
    (run,) = _runs()
    assert JobRecord.read(tmp_path / "out").mlflow_run_id == run.info.run_id
    assert (run.info.run_name, run.info.status) == ("pretrain", "FINISHED")
    assert started * 1000 - 1 <= run.info.start_time <= began[0] * 1000
    assert run.data.params["recipe"] == "demo"
    assert _history(run.info.run_id) == [(1, 2.0), (2, 1.0)]


def test_a_server_that_never_came_is_told_later(
    server: MlflowServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(task_runs, "END_SECONDS", 0.1)
    out = outputs("demo", "base") / "one"

    def body(job: Job) -> Figures:
        job.run.log_metrics({"loss": 2.0}, step=1)
        return {"pages": 3}

    assert run_job("pretrain", _arguments(out), body) == 0
    assert JobRecord.read(out).mlflow_run_id == ""
    server.start()
    assert deliver.main([]) == 0
    (run,) = _runs()
    assert (run.info.run_name, run.info.status) == ("pretrain", "FINISHED")
    assert run.data.metrics["pages"] == 3
    assert _history(run.info.run_id) == [(1, 2.0)]
    assert not (out / JOURNALS).exists()


SCRIPT = """
import os, signal, sys
from mathmill.job import job_parser, run_job
def body(job):
    job.run.log_metrics({"loss": 2.0}, step=1)
    os.kill(os.getpid(), signal.SIGKILL)
run_job("pretrain", job_parser("a job").parse_args(["--recipe", "demo", "--out", sys.argv[1]]), body, resume=True)
"""


@pytest.mark.parametrize("came_before_the_kill", [False, True])
def test_a_killed_job_goes_on_with_the_run_that_it_could_not_make(
    server: MlflowServer, tmp_path: Path, came_before_the_kill: bool
) -> None:
    out = tmp_path / "out"
    if came_before_the_kill:
        server.start()
    killed = subprocess.run([sys.executable, "-c", SCRIPT, str(out)], check=False)
    assert killed.returncode == -signal.SIGKILL
    server.stop()

    def body(job: Job) -> Figures:
        job.run.log_metrics({"loss": 9.0}, step=1)
        job.run.log_metrics({"loss": 1.0}, step=2)
        server.start()
        return {}

    assert run_job("pretrain", _arguments(out), body, resume=True) == 0
    (run,) = _runs()
    assert run.info.status == "FINISHED"
    assert run.data.params["recipe"] == "demo"
    assert _history(run.info.run_id) == [(1, 2.0), (2, 1.0)]
