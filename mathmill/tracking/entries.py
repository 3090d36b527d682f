"""What the entries of a journal are to MLflow by their kinds: metrics, tags, a table, a checkpoint and so on."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mathmill.launcher.launcher import MlflowRun
from mathmill.tracking.journal import BATCH, FILES, METRICS, Entry
from mathmill.tracking.logged_models import log_checkpoint, mark_removed
from mathmill.tracking.registry import version_at

if TYPE_CHECKING:
    from mlflow import MlflowClient

PARAMS = 100
"""Params in one call, MLflow's limit."""


def tell(client: "MlflowClient", run: MlflowRun, folder: Path, entries: Sequence[Entry]) -> None:
    """Tell MLflow entries of a run's journal, all of one kind.

    Args:
        client: of the server.
        run: whose journal it is.
        folder: of the journal, whose files the entries name.
        entries: what is to be told.

    Raises:
        MlflowException: the server does not answer, or does not like what it was told.
    """
    kind, first = entries[0]["kind"], entries[0]
    if kind == METRICS:
        _log_metrics(client, run.run_id, entries)
    else:
        KINDS[kind](client, run, folder, first)


def _log_metrics(client: "MlflowClient", run_id: str, entries: Sequence[Entry]) -> None:
    from mlflow.entities import Metric

    metrics = [
        # MLflow takes what is no number for 0 in a model's figures, and for what it is in a run's.
        Metric(name, value, one["time"], one.get("step", 0), one.get("model") if math.isfinite(value) else None)
        for one in entries
        for name, value in one["values"].items()
    ]
    for start in range(0, len(metrics), BATCH):
        client.log_batch(run_id, metrics=metrics[start : start + BATCH])


def _log_params(client: "MlflowClient", run_id: str, values: Mapping[str, str]) -> None:
    from mlflow.entities import Param

    params = [Param(name, value) for name, value in values.items()]
    for start in range(0, len(params), PARAMS):
        client.log_batch(run_id, params=params[start : start + PARAMS])


def _log_tags(client: "MlflowClient", run_id: str, values: Mapping[str, str]) -> None:
    from mlflow.entities import RunTag

    client.log_batch(run_id, tags=[RunTag(name, value) for name, value in values.items()])


def _log_input(client: "MlflowClient", run_id: str, entry: Entry) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    data = Dataset(entry["name"], entry["digest"], "local", entry["source"])
    client.log_inputs(run_id, [DatasetInput(data, [InputTag("mlflow.data.context", entry["context"])])])


def _log_measured(client: "MlflowClient", run: MlflowRun, entry: Entry) -> None:
    """Log a finished run beneath another one, once, and its figures as the model's too if that is registered."""
    beneath = client.search_runs([run.experiment_id], f"tags.`mlflow.parentRunId` = '{run.run_id}'")
    child = next((one.info.run_id for one in beneath if one.info.run_name == entry["name"]), None)
    if child is None:
        tags = {"mlflow.parentRunId": run.run_id}
        child = client.create_run(run.experiment_id, run_name=entry["name"], tags=tags).info.run_id
    model = version_at(entry["recipe"], entry["role"], Path(entry["model"]))
    _log_metrics(client, child, [{**entry, "model": (model and model.model_id) or None}])
    _log_params(client, child, entry["params"])
    client.set_terminated(child, "FINISHED", entry["time"])


def _log_table(client: "MlflowClient", run_id: str, path: Path) -> None:
    """Log a file as a table. The client's own way adds the rows to those that are there."""
    from mlflow.utils.mlflow_tags import MLFLOW_LOGGED_ARTIFACTS

    client.log_artifact(run_id, str(path))
    tables = json.loads(client.get_run(run_id).data.tags.get(MLFLOW_LOGGED_ARTIFACTS, "[]"))
    if (table := {"path": path.name, "type": "table"}) not in tables:
        client.set_tag(run_id, MLFLOW_LOGGED_ARTIFACTS, json.dumps([*tables, table]))


KINDS: dict[str, Callable[["MlflowClient", MlflowRun, Path, Entry], None]] = {
    "params": lambda client, run, _, entry: _log_params(client, run.run_id, entry["values"]),
    "tags": lambda client, run, _, entry: _log_tags(client, run.run_id, entry["values"]),
    "input": lambda client, run, _, entry: _log_input(client, run.run_id, entry),
    "measured": lambda client, run, _, entry: _log_measured(client, run, entry),
    "checkpoint": log_checkpoint,
    "checkpoints_removed": lambda client, run, _, __: mark_removed(client, run, ()),
    "artifact": lambda client, run, folder, entry: client.log_artifact(run.run_id, str(folder / FILES / entry["name"])),
    "table": lambda client, run, folder, entry: _log_table(client, run.run_id, folder / FILES / entry["name"]),
    "status": lambda client, run, _, entry: client.set_terminated(run.run_id, entry["status"], entry["time"]),
}
"""How entries of each kind but metrics are told, one by one."""
