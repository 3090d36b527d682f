"""What a job takes of its machine stands beside its own figures."""

import time
from pathlib import Path

import pytest

from mathmill import system_metrics
from mathmill.recipe_file import load_recipe
from mathmill.tracking import task_run, tracking_client


def _run(seconds: float, journals: Path, resume: str | None = None) -> str:
    with (
        task_run(load_recipe("demo"), "pretrain", resume=resume, journals=journals) as run,
        system_metrics.system_metrics(run),
    ):
        time.sleep(seconds)
        if resume is None:
            raise KeyboardInterrupt
    return run.run_id


def test_samples_go_on_where_an_interrupted_try_left_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(system_metrics, "SAMPLE_SECONDS", 0.2)
    with pytest.raises(KeyboardInterrupt):
        _run(2, tmp_path / "mlflow")
    (run_id,) = [folder.name for folder in (tmp_path / "mlflow").iterdir()]
    first = len(tracking_client().get_metric_history(run_id, "system/system_memory_usage_percentage"))
    assert first > 1
    _run(2, tmp_path / "mlflow", resume=run_id)
    history = tracking_client().get_metric_history(run_id, "system/system_memory_usage_percentage")
    assert len(history) > first
    assert [one.step for one in history] == list(range(len(history)))
    assert all(0 < one.value < 100 for one in history)


def test_a_short_job_has_no_samples(tmp_path: Path) -> None:
    run_id = _run(0, tmp_path / "mlflow", resume="none")
    assert not [name for name in tracking_client().get_run(run_id).data.metrics if name.startswith("system/")]
