"""Runs are found where the names promise: experiment a recipe, parent a DAG run, nested run a task."""

import json
import math
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mathmill.errors import UserError
from mathmill.home import home
from mathmill.recipe import Recipe
from mathmill.recipe_file import load_recipe
from mathmill.tracking import journal_run
from mathmill.tracking import task_run as task_runs
from mathmill.tracking.journal import TOLD
from mathmill.tracking.runs import end_dag_run
from mathmill.tracking.server import artifact_root, run_url, tracking_client
from mathmill.tracking.task_run import TaskRun, task_run


@pytest.fixture
def recipe() -> Recipe:
    return load_recipe("demo")


def _under_airflow(monkeypatch: pytest.MonkeyPatch, dag_run: str, task: str, attempt: int = 1) -> None:
    values = {"DAG_ID": "corpus_refresh", "DAG_RUN_ID": dag_run, "TASK_ID": task, "MAP_INDEX": "-1"}
    for name, value in {**values, "TRY_NUMBER": str(attempt)}.items():
        monkeypatch.setenv(f"AIRFLOW_CTX_{name}", value)


def _failing_task(recipe: Recipe, stage: str, metrics: dict[str, float]) -> None:
    with task_run(recipe, stage) as run:
        run.log_metrics(metrics)
        raise ZeroDivisionError


def _task(recipe: Recipe, stage: str) -> TaskRun:
    with task_run(recipe, stage) as run:
        return run


def test_runs_of_a_recipe_are_in_its_experiment(recipe: Recipe) -> None:
    other = recipe.model_copy(update={"name": "other"})
    runs = [_task(one, "dedup") for one in (recipe, other, recipe)]
    client = tracking_client()
    names = [client.get_experiment(run.experiment_id).name for run in runs]
    assert names == ["demo", "other", "demo"]
    tags = client.get_run(runs[0].run_id).data.tags
    assert tags["mathmill.stage"] == "dedup"
    assert tags["mathmill.recipe_digest"] == recipe.digest()
    assert "mlflow.parentRunId" not in tags


def test_artifacts_lie_in_the_home(recipe: Recipe) -> None:
    with task_run(recipe, "dedup") as run:
        run.log_text("hello", "note.txt")
    (note,) = artifact_root().rglob("note.txt")
    assert note.read_text() == "hello"


def test_tasks_of_a_dag_run_are_nested_in_its_one_parent(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    client = tracking_client()
    parents = []
    for dag_run, task in (("manual__1", "ingest"), ("manual__1", "dedup"), ("manual__2", "ingest")):
        _under_airflow(monkeypatch, dag_run, task)
        tags = client.get_run(_task(recipe, task).run_id).data.tags
        assert (tags["airflow.run_id"], tags["airflow.task_id"]) == (dag_run, task)
        parents.append(tags["mlflow.parentRunId"])
    assert parents[0] == parents[1] != parents[2]
    parent = client.get_run(parents[0])
    assert parent.info.run_name == "corpus_refresh"
    assert parent.data.tags["airflow.run_id"] == "manual__1"
    assert "airflow.task_id" not in parent.data.tags


def test_one_gets_back_to_the_log_from_a_run_and_from_its_parent(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    _under_airflow(monkeypatch, "manual__1", "ingest")
    page = "http://airflow:8080/dags/corpus_refresh/runs/manual__1"
    log = f"{page}/tasks/ingest?try_number=1"
    monkeypatch.setenv("AIRFLOW_CTX_RUN_URL", page)
    monkeypatch.setenv("AIRFLOW_CTX_LOG_URL", log)
    client = tracking_client()
    tags = client.get_run(_task(recipe, "ingest").run_id).data.tags
    assert tags["airflow.log_url"] == log
    assert f"]({log})" in tags["mlflow.note.content"]
    parent = client.get_run(tags["mlflow.parentRunId"]).data.tags
    assert parent["airflow.run_url"] == page
    assert f"]({page})" in parent["mlflow.note.content"]


def test_a_retried_task_is_found_beside_its_failed_try(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    _under_airflow(monkeypatch, "manual__1", "dedup", attempt=1)
    with pytest.raises(ZeroDivisionError):
        _failing_task(recipe, "dedup", {})
    _under_airflow(monkeypatch, "manual__1", "dedup", attempt=2)
    experiment = _task(recipe, "dedup").experiment_id
    found = tracking_client().search_runs(
        [experiment], "tags.\"airflow.run_id\" = 'manual__1' AND tags.\"airflow.task_id\" = 'dedup'"
    )
    tries = {run.data.tags["airflow.try_number"]: run for run in found}
    assert {number: run.info.status for number, run in tries.items()} == {"1": "FAILED", "2": "FINISHED"}
    assert len({run.data.tags["mlflow.parentRunId"] for run in found}) == 1


def _interrupted(recipe: Recipe, stage: str, key: str) -> TaskRun:
    with suppress(KeyboardInterrupt), task_run(recipe, stage, key=key) as run:
        run.log_metrics({"loss": 1.0}, step=1)
        raise KeyboardInterrupt
    return run


def test_a_resumed_run_is_the_same_and_ends_anew(recipe: Recipe) -> None:
    first = _interrupted(recipe, "pretrain", "one")
    assert tracking_client().get_run(first.run_id).info.status == "KILLED"
    with task_run(recipe, "pretrain", key="one") as second:
        assert tracking_client().get_run(first.run_id).info.status == "RUNNING"
    assert second.run_id == first.run_id
    assert tracking_client().get_run(first.run_id).info.status == "FINISHED"


def test_a_resumed_run_leads_to_the_log_of_its_new_try(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CTX_LOG_URL", "http://airflow/log?try_number=1")
    first = _interrupted(recipe, "pretrain", "one")
    described = _interrupted(recipe, "pretrain", "two")
    client = tracking_client()
    client.set_tag(described.run_id, "mlflow.note.content", "the good one")
    monkeypatch.setenv("AIRFLOW_CTX_LOG_URL", "http://airflow/log?try_number=2")
    for key in ("one", "two"):
        with task_run(recipe, "pretrain", key=key):
            pass
    tags = client.get_run(first.run_id).data.tags
    assert tags["airflow.log_url"] == "http://airflow/log?try_number=2"
    assert "try_number=2" in tags["mlflow.note.content"]
    tags = client.get_run(described.run_id).data.tags
    assert tags["airflow.log_url"] == "http://airflow/log?try_number=2"
    assert tags["mlflow.note.content"] == "the good one"


def test_a_run_that_this_server_does_not_have_is_told_to_it_anew(recipe: Recipe) -> None:
    first = _interrupted(recipe, "pretrain", "one")
    tracking_client().delete_run(first.run_id)
    with task_run(recipe, "pretrain", key="one") as run:
        run.log_metrics({"loss": 0.5}, step=2)
    assert run.run_id != first.run_id
    history = tracking_client().get_metric_history(run.run_id, "loss")
    assert [(one.step, one.value) for one in history] == [(1, 1.0), (2, 0.5)]
    assert tracking_client().get_run(run.run_id).info.status == "FINISHED"


def test_a_run_that_was_made_but_not_noted_is_found(recipe: Recipe) -> None:
    first = _interrupted(recipe, "pretrain", "one")
    folder = home() / "mlflow" / "journals" / "one"
    (folder / journal_run.NOTE).write_text('{"run_id": "", "experiment_id": ""}')  # killed while the server made it
    (folder / TOLD).unlink()
    with task_run(recipe, "pretrain", key="one") as run:
        pass
    assert run.run_id == first.run_id
    assert len(tracking_client().search_runs([run.experiment_id])) == 1


@pytest.mark.parametrize("status", ["FINISHED", "FAILED"])
def test_the_parent_run_is_closed_with_its_dag_run(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    _under_airflow(monkeypatch, "manual__1", "ingest")
    run = tracking_client().get_run(_task(recipe, "ingest").run_id)
    parent = run.data.tags["mlflow.parentRunId"]
    assert tracking_client().get_run(parent).info.status == "RUNNING"
    end_dag_run("demo", "corpus_refresh", "manual__1", status)
    assert tracking_client().get_run(parent).info.status == status
    assert tracking_client().get_run(run.info.run_id).info.status == "FINISHED"


def test_closing_a_dag_run_without_a_run_does_nothing() -> None:
    end_dag_run("demo", "corpus_refresh", "manual__1", "FINISHED")


def test_metrics_are_sent_in_batches_and_none_is_lost(recipe: Recipe) -> None:
    with task_run(recipe, "pretrain") as run:
        for step in range(2500):
            run.log_metrics({"loss": float(step)}, step=step)
    history = tracking_client().get_metric_history(run.run_id, "loss")
    assert [(one.step, one.value) for one in history] == [(step, float(step)) for step in range(2500)]


def test_a_metric_may_be_named_after_any_folder(recipe: Recipe) -> None:
    with task_run(recipe, "evaluate") as run:
        run.log_metrics({"accuracy/base-1e+06 (b)/sums": 0.5, "accuracy/基礎/sums": 0.25})
    logged = tracking_client().get_run(run.run_id).data.metrics
    assert logged == {"accuracy/base-1e_06 _b_/sums": 0.5, "accuracy/基礎/sums": 0.25}


def test_metrics_of_a_failed_task_are_kept_and_a_diverged_loss_is_one(recipe: Recipe) -> None:
    with pytest.raises(ZeroDivisionError):
        _failing_task(recipe, "pretrain", {"loss": math.nan, "accuracy": 0.5})
    experiment = tracking_client().get_experiment_by_name("demo").experiment_id
    (run,) = tracking_client().search_runs([experiment])
    assert run.info.status == "FAILED"
    metrics = run.data.metrics
    assert metrics["accuracy"] == 0.5
    assert math.isnan(metrics["loss"])


def test_any_number_of_settings_of_any_length_is_logged(recipe: Recipe) -> None:
    with task_run(recipe, "dedup") as run:
        run.log_params({f"key{number}": number for number in range(150)} | {"long": "x" * 10_000})
    params = tracking_client().get_run(run.run_id).data.params
    assert params.pop("long") == "x" * 6000
    assert params == {f"key{number}": str(number) for number in range(150)}


def test_a_secret_of_the_recipe_is_not_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = load_recipe("demo", ['spark.conf={"spark.hadoop.fs.s3a.secret.key": s3cr3t, "spark.ui.port": "1"}'])
    _under_airflow(monkeypatch, "manual__1", "ingest")
    _task(recipe, "ingest")
    files = [path for path in artifact_root().rglob("*") if path.is_file()]
    (logged,) = [json.loads(path.read_text()) for path in files if path.name == "recipe.json"]
    assert logged["spark"]["conf"] == {"spark.hadoop.fs.s3a.secret.key": "(not shown)", "spark.ui.port": "1"}
    assert logged["corpus"] == recipe.model_dump(mode="json")["corpus"]
    database = home() / "mlflow" / "mlflow.db"
    assert all(b"s3cr3t" not in path.read_bytes() for path in [*files, database])


def test_the_address_of_a_run_has_no_login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:s3cr3t@host:5000")
    assert run_url("1", "abc") == "http://host:5000/#/experiments/1/runs/abc?workflowType=machine_learning"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///x.db")
    assert run_url("1", "abc") == ""


def test_a_server_that_does_not_answer_stops_no_job(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:s3cr3t@127.0.0.1:9")
    monkeypatch.setattr(task_runs, "END_SECONDS", 0.1)
    with task_run(recipe, "dedup") as run:
        assert run.run_id == ""
        assert (run.log_metrics({"loss": 1.0}), run.run_id, run.experiment_id) == (None, "", "")
    assert "`mathmill deliver` tells it later" in caplog.text
    assert "s3cr3t" not in caplog.text


@pytest.mark.parametrize(
    ("uri", "line"),
    [("nonsense://me:s3cr3t@host", "unsupported URI"), ("http://me:s3cr3t@127.0.0.1:{port}", "refuses .*501")],
)
def test_an_address_that_is_none_of_mlflow_s_is_one_line_without_its_login(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch, other_server: int, uri: str, line: str
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri.format(port=other_server))
    with pytest.raises(UserError, match=line) as error, task_run(recipe, "dedup"):
        pytest.fail("the block must not run")
    assert "MLFLOW_TRACKING_URI" in str(error.value)
    assert "s3cr3t" not in str(error.value)
    assert "\n" not in str(error.value)


@pytest.fixture
def other_server() -> Iterator[int]:
    """The port of a server that has no pages."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_a_deleted_experiment_is_one_line(recipe: Recipe) -> None:
    tracking_client().delete_experiment(_task(recipe, "dedup").experiment_id)
    with pytest.raises(UserError, match="'demo' is deleted: restore it"), task_run(recipe, "dedup"):
        pytest.fail("the block must not run")


def test_an_experiment_made_by_another_task_meanwhile_is_used(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    made = _task(recipe, "dedup").experiment_id
    client = tracking_client()
    answers = iter([None, client.get_experiment(made)])
    monkeypatch.setattr(type(client), "get_experiment_by_name", lambda *_: next(answers))
    assert _task(recipe, "score").experiment_id == made


def test_a_model_belongs_to_the_experiment_and_the_run_that_made_it(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with task_run(recipe, "base") as run:
        number = run.register_model(tmp_path / "model", "demo", "base", {"mathmill.parent_model": "none"})
    client = tracking_client()
    (model,) = client.search_logged_models([run.experiment_id])
    assert model.source_run_id == run.run_id
    version = client.get_model_version("demo-base", number)
    assert version.run_id == run.run_id
    assert version.tags["mathmill.path"] == str(tmp_path / "model")
    assert version.tags["mathmill.parent_model"] == "none"
    assert not (tmp_path / "mlruns").exists()


def test_what_a_run_reads_is_on_its_page(recipe: Recipe) -> None:
    with task_run(recipe, "sft") as run:
        run.log_input("instruct", digest="a" * 64, source="gsm8k/train.jsonl", context="training")
    (read,) = tracking_client().get_run(run.run_id).inputs.dataset_inputs
    assert (read.dataset.name, read.dataset.digest, read.dataset.source) == ("instruct", "a" * 36, "gsm8k/train.jsonl")
    assert [tag.value for tag in read.tags] == ["training"]


def test_a_table_logged_again_stands_in_the_place_of_the_first(recipe: Recipe) -> None:
    with task_run(recipe, "sft") as run:
        run.log_table({"step": [1]}, "samples.json")
        run.log_table({"step": [1, 2]}, "samples.json")
    table = tracking_client().load_table(run.experiment_id, "samples.json", [run.run_id])
    assert table["step"].tolist() == [1, 2]


def _losses(recipe: Recipe, steps: range, journals: Path, *, interrupted: bool) -> TaskRun:
    with task_run(recipe, "pretrain", key="one", journals=journals) as run:
        for step in steps:
            run.log_metrics({"loss": 1 / step}, step=step)
        if interrupted:
            raise KeyboardInterrupt
    return run


def test_a_resumed_run_logs_no_step_twice(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        _losses(recipe, range(1, 6), tmp_path / "mlflow", interrupted=True)
    run = _losses(recipe, range(4, 9), tmp_path / "mlflow", interrupted=False)  # from the last checkpoint on
    history = tracking_client().get_metric_history(run.run_id, "loss")
    assert [(one.step, one.value) for one in history] == [(step, 1 / step) for step in range(1, 9)]


def test_a_nested_run_is_logged_once_and_finished(recipe: Recipe) -> None:
    with task_run(recipe, "evaluate") as run:
        for _ in range(2):  # as after a kill
            run.log_measured("rl's", "/rl", "demo", "rl", {"form": "cot"}, {"accuracy/gsm8k": 0.5})
        run.log_measured("base", "/base", "demo", "base", {"form": "cot"}, {"accuracy/gsm8k": 0.25})
    found = tracking_client().search_runs([run.experiment_id], f"tags.`mlflow.parentRunId` = '{run.run_id}'")
    assert {(one.info.run_name, one.data.metrics["accuracy/gsm8k"], one.info.status) for one in found} == {
        ("rl's", 0.5, "FINISHED"),
        ("base", 0.25, "FINISHED"),
    }
    assert len(found) == 2
    assert found[0].data.params == {"form": "cot"}
