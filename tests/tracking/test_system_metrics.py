"""What a job takes of its machine stands beside its own figures."""

import time
from contextlib import suppress
from pathlib import Path

import pytest

from mathmill.recipe_file import load_recipe
from mathmill.tracking import system_metrics
from mathmill.tracking.server import tracking_client
from mathmill.tracking.task_run import task_run


def _run(seconds: float, journals: Path, *, interrupted: bool = False) -> str:
    with (
        suppress(KeyboardInterrupt),
        task_run(load_recipe("demo"), "pretrain", key="one", journals=journals) as run,
        system_metrics.system_metrics(run),
    ):
        time.sleep(seconds)
        if interrupted:
            raise KeyboardInterrupt
    return run.run_id


def test_samples_go_on_where_an_interrupted_try_left_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(system_metrics, "SAMPLE_SECONDS", 0.2)
    run_id = _run(2, tmp_path / "mlflow", interrupted=True)
    first = len(tracking_client().get_metric_history(run_id, "system/system_memory_usage_percentage"))
    assert first > 1
    assert _run(2, tmp_path / "mlflow") == run_id
    history = tracking_client().get_metric_history(run_id, "system/system_memory_usage_percentage")
    assert len(history) > first
    assert [one.step for one in history] == list(range(len(history)))
    assert all(0 < one.value < 100 for one in history)


def test_a_short_job_has_no_samples(tmp_path: Path) -> None:
    run_id = _run(0, tmp_path / "mlflow")
    assert not [name for name in tracking_client().get_run(run_id).data.metrics if name.startswith("system/")]
