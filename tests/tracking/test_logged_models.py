"""Checkpoints and finished models are found in MLflow by their figures."""

import math
from contextlib import suppress
from pathlib import Path

import pytest
from mlflow.entities import LoggedModel

from mathmill.home import home
from mathmill.recipe import Recipe
from mathmill.recipe_file import load_recipe
from mathmill.tracking.journal import TOLD
from mathmill.tracking.server import tracking_client
from mathmill.tracking.task_run import TaskRun, task_run


@pytest.fixture
def recipe() -> Recipe:
    return load_recipe("demo")


def _found(run: TaskRun, condition: str) -> list[LoggedModel]:
    found = tracking_client().search_logged_models([run.experiment_id], condition)
    return sorted(found, key=lambda model: model.name)


def _history(run: TaskRun, metric: str) -> list[tuple[int, float]]:
    return [(one.step, one.value) for one in tracking_client().get_metric_history(run.run_id, metric)]


def _train(run: TaskRun, steps: range, *, every: int = 2, ends: bool = True) -> None:
    """Log a loss of 1 / step, and every `every` steps a checkpoint of which the newest two are kept."""
    for step in steps:
        run.log_metrics({"loss": 1 / step, "system/step": float(step)}, step=step)
        if step % every == 0:
            run.log_metrics({"validation_loss": 2 / step}, step=step)
            kept = [f"pretrain-step-{step - every}", f"pretrain-step-{step}"]
            run.log_checkpoint(f"pretrain-step-{step}", step, Path(f"/out.partial/checkpoints/step-{step}"), kept)
    if not ends:
        raise KeyboardInterrupt


def test_a_checkpoint_has_the_figures_of_its_step(recipe: Recipe) -> None:
    with task_run(recipe, "pretrain") as run:
        _train(run, range(1, 8))
    (best,) = _found(run, "metrics.validation_loss < 0.4")
    assert (best.name, best.source_run_id, best.status, best.params) == (
        "pretrain-step-6",
        run.run_id,
        "READY",
        {"step": "6"},
    )
    assert {(one.key, one.value, one.step) for one in best.metrics} == {
        ("loss", 1 / 6, 6),
        ("validation_loss", 2 / 6, 6),
    }
    assert _history(run, "loss") == [(step, 1 / step) for step in range(1, 8)]
    assert sorted(one.step for one in tracking_client().get_run(run.run_id).outputs.model_outputs) == [2, 4, 6]


def test_what_was_removed_leads_nowhere(recipe: Recipe) -> None:
    with task_run(recipe, "pretrain") as run:
        _train(run, range(1, 7))
        assert run.known_id()
        states = {one.name: one.tags["mathmill.checkpoint"] for one in _found(run, "model_type = 'checkpoint'")}
        assert states == {"pretrain-step-2": "removed", "pretrain-step-4": "kept", "pretrain-step-6": "kept"}
        (there,) = _found(run, "name = 'pretrain-step-6'")
        assert there.tags["mathmill.path"] == "/out.partial/checkpoints/step-6"
        run.log_checkpoints_removed()
    for model in _found(run, "model_type = 'checkpoint'"):
        assert model.tags["mathmill.checkpoint"] == "removed"
        assert "mathmill.path" not in model.tags
        assert model.tags["mlflow.note.content"].startswith("Removed from disk")


def test_a_resumed_run_has_each_checkpoint_once(recipe: Recipe) -> None:
    with suppress(KeyboardInterrupt), task_run(recipe, "pretrain", key="one") as run:
        _train(run, range(1, 6), ends=False)
    (home() / "mlflow" / "journals" / "one" / TOLD).write_text("0")  # killed before it wrote down what it had told
    with task_run(recipe, "pretrain", key="one") as run:
        _train(run, range(3, 7))  # from a checkpoint on
    models = _found(run, "model_type = 'checkpoint'")
    assert [model.name for model in models] == ["pretrain-step-2", "pretrain-step-4", "pretrain-step-6"]
    assert [{one.key: one.value for one in model.metrics} for model in models] == [
        {"loss": 1 / step, "validation_loss": 2 / step} for step in (2, 4, 6)
    ]
    assert _history(run, "loss") == [(step, 1 / step) for step in range(1, 7)]
    assert len(tracking_client().get_run(run.run_id).outputs.model_outputs) == 3


def test_a_step_taken_again_counts_as_it_was_the_last_time(recipe: Recipe) -> None:
    """After a spike, with other sequences."""
    with task_run(recipe, "pretrain") as run:
        run.log_metrics({"loss": 9.0}, step=2)
        run.log_metrics({"loss": 0.5, "grad_norm": math.nan}, step=2)
        run.log_checkpoint("pretrain-step-2", 2, Path("/2"), ["pretrain-step-2"])
        run.log_metrics({"loss": 8.0}, step=2)
    (model,) = _found(run, "name = 'pretrain-step-2'")
    assert {one.key: one.value for one in model.metrics} == {"loss": 0.5}


def test_the_best_model_is_found_by_what_it_came_to_and_by_what_was_measured(recipe: Recipe, tmp_path: Path) -> None:
    accuracies = {"weak": 0.25, "strong": 0.75}
    for name, accuracy in accuracies.items():
        with task_run(recipe, "sft") as run:
            run.register_model(tmp_path / name, "demo", "instruct", {})
            run.log_final({"last_loss": 1 - accuracy, "first_loss": math.inf})
    with task_run(recipe, "evaluate") as run:
        for name, accuracy in [*accuracies.items(), ("unknown", 1.0)]:
            figures = {"accuracy/gsm8k": accuracy}
            run.log_measured(name, str(tmp_path / name), "demo", "instruct", {}, figures)
    for condition in ("metrics.`accuracy/gsm8k` > 0.5", "metrics.last_loss < 0.5"):
        (best,) = _found(run, condition)
        assert best.tags["mathmill.path"] == str(tmp_path / "strong")
    assert {one.key for one in best.metrics} == {"accuracy/gsm8k", "last_loss"}
