"""A real MLflow server that goes away in mid-run, or is away when the run ends."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from matplotlib.figure import Figure

from mathmill import deliver, tracking
from mathmill.home import outputs
from mathmill.recipe_file import load_recipe
from mathmill.stack.services import mlflow_command
from mathmill.stack.settings import Ports, choose_ports
from mathmill.tracking import task_run, tracking_client
from tests.processes import kill_all

pytestmark = pytest.mark.slow


class MlflowServer:
    """A server on the database of the test's home."""

    def __init__(self, port: int) -> None:
        self.ports = Ports(airflow=0, mlflow=port)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = mlflow_command(self.ports)
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            try:
                if requests.get(f"{self.ports.mlflow_url}/health", timeout=5).ok:
                    return
            except requests.ConnectionError:
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
    one.start()
    yield one
    one.stop()


def _history(run_id: str) -> list[tuple[int, float]]:
    history = tracking_client().get_metric_history(run_id, "loss")
    return sorted((one.step, one.value) for one in history)


def test_a_server_that_goes_away_in_mid_run_has_everything_at_the_end(server: MlflowServer) -> None:
    with task_run(load_recipe("demo"), "pretrain") as run:
        for step in range(1, 1501):
            if step == 500:
                server.stop()
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
    monkeypatch.setattr(tracking, "END_SECONDS", 0.1)
    out = outputs("demo", "base") / "one"
    with task_run(load_recipe("demo"), "pretrain", journals=out / tracking.JOURNALS) as run:
        server.stop()
        run.log_metrics({"loss": 1.0}, step=1)
    (out / "_SUCCESS").touch()
    assert "`mathmill deliver` tells it later" in caplog.text
    monkeypatch.setattr(deliver, "SECONDS", 0.1)
    assert deliver.main([]) == 2
    server.start()
    monkeypatch.setattr(deliver, "SECONDS", 60.0)
    assert deliver.main([]) == 0
    assert _history(run.run_id) == [(1, 1.0)]
    assert tracking_client().get_run(run.run_id).info.status == "FINISHED"
    assert not (out / tracking.JOURNALS).exists()
