"""A training goes through the death of everything around it, and of itself, on a real Airflow and a real MLflow."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
import yaml

from mathmill.home import home
from mathmill.launcher import wrapper
from mathmill.launcher.folder import exit_code
from mathmill.launcher.processes import in_sessions, processes_with, send
from mathmill.stack.airflow_api import AirflowApi, DagRun
from mathmill.stack.services import Stack, stop_stack
from mathmill.stack.settings import USER, password
from mathmill.stack.up import start_stack
from mathmill.tracking.server import tracking_client
from tests.byte_tokenizer import byte_tokenizer
from tests.tiny_pretraining import TINY, write_shards

STEPS = 2000
SECONDS = 900.0
RECIPE: dict[str, Any] = {
    **TINY,
    "deepspeed": {"zero_optimization": {"stage": 1}},
    "pretrain": {
        "mixture": [{"name": "corpus", "weight": 1.0}],
        "total_tokens": STEPS * 128,
        "batch_tokens": 128,
        "micro_batch": 2,
        "checkpoint_steps": 50,
        "validation_documents": 4,
        "optimizer": {"learning_rate": 0.003},
    },
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Stack]]:
    """The services in a home of their own."""
    folder = tmp_path_factory.mktemp("stack")
    with pytest.MonkeyPatch.context() as changed:
        changed.setenv("MATHMILL_HOME", str(folder))
        started = start_stack()
        try:
            yield folder, started
        finally:
            changed.setenv("MATHMILL_HOME", str(folder))
            stop_stack()


@pytest.fixture
def airflow(stack: tuple[Path, Stack], monkeypatch: pytest.MonkeyPatch) -> AirflowApi:
    """Its API; the test works in the services' home."""
    folder, started = stack
    monkeypatch.setenv("MATHMILL_HOME", str(folder))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", started.ports.mlflow_url)
    api = AirflowApi.login(started.ports)
    api.pause("instruct", paused=True)
    return api


@pytest.fixture
def training(tmp_path: Path, airflow: AirflowApi) -> DagRun:
    """A run of the DAG `pretrain` that has just been started, on sums."""
    fast = byte_tokenizer()
    fast.save_pretrained(tmp_path / "build" / "tokens" / "tokenizer")
    texts = [f"{a} plus {b} is {a + b}. " * 4 for a in range(60) for b in range(60)]
    write_shards(tmp_path / "build" / "tokens" / "shards", texts, fast)
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(yaml.safe_dump(RECIPE))
    return airflow.trigger("pretrain", {"recipe": str(recipe), "corpus": str(tmp_path / "build")})


def _until(true: Callable[[], Any], seconds: float = SECONDS) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline, "did not come true in time"
        time.sleep(0.05)
    return found


def _keys(run: DagRun) -> list[Path]:
    """Folders of the keys under which jobs of `run` were submitted, the oldest first."""
    ours = [
        spec.parent.parent
        for spec in (home() / "jobs").glob(f"*/1/{wrapper.SPEC}")
        if json.loads(spec.read_text())["environment"]["AIRFLOW_CTX_DAG_RUN_ID"] == run.run_id
    ]
    return sorted(ours, key=lambda key: (key / "1" / wrapper.SPEC).stat().st_mtime_ns)


@cache
def _unfinished(airflow: AirflowApi, run: DagRun) -> Path:
    """The output of the run's training as long as it is not finished."""
    return Path(f"{airflow.result(run, 'prepare')['out']}.partial")


def _checkpoint(airflow: AirflowApi, run: DagRun) -> int:
    """Step of the newest checkpoint; 0 where there is none."""
    latest = _unfinished(airflow, run) / "checkpoints" / "latest"
    return int(latest.read_text().split("-")[1]) if latest.is_file() else 0


def _service(stack: Stack, name: str) -> psutil.Process:
    """The service itself, below its keeper, which may be about to start it again."""
    (keeper,) = [service for service in stack.services if service.name == name]
    return _until(psutil.Process(keeper.pid).children)[0]


def _rank_0(attempt: Path) -> psutil.Process:
    ranks = processes_with(wrapper.MARK, str(attempt))
    return next(one for one in ranks if one.environ().get("RANK") == "0" and one.environ().get("WORLD_SIZE") == "2")


def _ended(airflow: AirflowApi, run: DagRun) -> str:
    """State of the finished run."""

    def finished() -> str:
        now = airflow.refresh(run)
        return now.state if now.finished else ""

    return _until(finished)


@pytest.mark.slow
def test_a_training_outlives_worker_scheduler_triggerer_and_its_own_rank(
    stack: tuple[Path, Stack], airflow: AirflowApi, training: DagRun
) -> None:
    services = stack[1]
    # The worker dies between the submit and the moment when Airflow learns of it.
    (key,) = _until(lambda: _keys(training))
    _until((key / "1" / wrapper.SUBMITTED).is_file)
    scheduler = _service(services, "scheduler")
    below = scheduler.children(recursive=True)
    for process in in_sessions([os.getsid(scheduler.pid)]):
        if process in below:
            send(process, signal.SIGKILL)
    _until(lambda: not scheduler.is_running())
    _until(lambda: _checkpoint(airflow, training) >= 50)
    _service(services, "scheduler").kill()
    seen = _checkpoint(airflow, training)
    _until(lambda: _checkpoint(airflow, training) > seen + 200)
    _service(services, "triggerer").kill()
    seen = _checkpoint(airflow, training)
    _until(lambda: _checkpoint(airflow, training) > seen + 200)
    assert sorted(path.name for path in key.iterdir()) == ["1"]
    assert exit_code(key / "1") is None, "the training was over before its rank could be killed"
    _rank_0(key / "1").kill()

    assert _ended(airflow, training) == "success"
    assert _keys(training) == [key]
    assert {attempt.name: exit_code(attempt) for attempt in key.iterdir()} == {"1": 137, "2": 0}
    result = airflow.result(training, "pretrain")
    run = tracking_client().get_run(result["mlflow_run_id"])
    assert run.info.status == "FINISHED"
    trace = [json.loads(line) for line in (Path(result["path"]) / "trace.jsonl").read_text().splitlines()]
    history = tracking_client().get_metric_history(run.info.run_id, "loss")
    assert [one.step for one in history] == list(range(1, STEPS + 1))
    assert [one.value for one in history] == pytest.approx([row["loss"] for row in trace])
    runs = tracking_client().search_runs([run.info.experiment_id], "tags.\"mathmill.stage\" = 'pretrain'")
    assert [one.info.run_id for one in runs] == [run.info.run_id]


@pytest.mark.slow
def test_a_clear_goes_on_from_the_checkpoint_and_a_failed_run_leaves_no_process(
    airflow: AirflowApi, training: DagRun
) -> None:
    (first,) = _until(lambda: _keys(training))
    _until(lambda: _checkpoint(airflow, training) >= 50)
    link = f"{airflow.url}/api/v2{training.path}/taskInstances/pretrain/links"
    token = requests.post(f"{airflow.url}/auth/token", json={"username": USER, "password": password()}, timeout=30)
    headers = {"Authorization": f"Bearer {token.json()['access_token']}"}
    told = json.loads((first / "1" / wrapper.MLFLOW_RUN).read_text())
    _until(lambda: told["run_id"] in str(requests.get(link, headers=headers, timeout=30).json()))
    body = {"dag_run_id": training.run_id, "task_ids": ["pretrain"], "dry_run": False, "only_failed": False}
    url = f"{airflow.url}/api/v2/dags/pretrain/clearTaskInstances"
    assert requests.post(url, json=body, headers=headers, timeout=60).ok

    second = _until(lambda: _keys(training)[1:])[0]
    assert exit_code(first / "1") not in (None, 0)
    log = second / "1" / wrapper.LOG
    _until(lambda: log.is_file() and "going on from step" in log.read_text())
    assert processes_with(wrapper.MARK, str(first / "1")) == []

    airflow.fail(training)
    _until(lambda: not processes_with(wrapper.MARK, str(second / "1")), 30)
    assert _ended(airflow, training) == "failed"
    assert exit_code(second / "1") not in (None, 0)
    assert len(_keys(training)) == 2
