"""What the entries of a journal are to MLflow by their kinds: metrics, tags, a table, a nested run and so on."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mathmill.journal import BATCH, FILES, METRICS, Entry, ServerAwayError

if TYPE_CHECKING:
    from mlflow import MlflowClient

AWAY = ("INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED")
"""MLflow's error codes for a server that is not reached, or not now."""
PARAMS = 100
"""Params in one call, MLflow's limit."""


def tell(client: "MlflowClient", run_id: str, folder: Path, entries: Sequence[Entry]) -> None:
    """Tell MLflow entries of a run's journal, all of one kind.

    Args:
        client: of the server.
        run_id: the run's id.
        folder: of the journal, whose files the entries name.
        entries: what is to be told.

    Raises:
        ServerAwayError: the server does not answer.
    """
    from mlflow.exceptions import MlflowException

    kind, first = entries[0]["kind"], entries[0]
    try:
        if kind == METRICS:
            _log_metrics(client, run_id, entries)
        else:
            KINDS[kind](client, run_id, folder, first)
    except MlflowException as error:
        if error.error_code not in AWAY:
            raise
        raise ServerAwayError(" ".join(str(error).split())[:200]) from error


def _log_metrics(client: "MlflowClient", run_id: str, entries: Sequence[Entry]) -> None:
    from mlflow.entities import Metric

    metrics = [
        Metric(name, value, one["time"], one.get("step", 0)) for one in entries for name, value in one["values"].items()
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


def _log_child(client: "MlflowClient", run_id: str, entry: Entry) -> None:
    """Log a finished run beneath another one, once."""
    experiment = client.get_run(run_id).info.experiment_id
    beneath = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{run_id}'")
    child = next((one.info.run_id for one in beneath if one.info.run_name == entry["name"]), None)
    if child is None:
        tags = {"mlflow.parentRunId": run_id}
        child = client.create_run(experiment, run_name=entry["name"], tags=tags).info.run_id
    _log_metrics(client, child, [entry])
    _log_params(client, child, entry["params"])
    client.set_terminated(child, "FINISHED", entry["time"])


def _log_table(client: "MlflowClient", run_id: str, path: Path) -> None:
    """Log a file as a table. The client's own way adds the rows to those that are there."""
    from mlflow.utils.mlflow_tags import MLFLOW_LOGGED_ARTIFACTS

    client.log_artifact(run_id, str(path))
    tables = json.loads(client.get_run(run_id).data.tags.get(MLFLOW_LOGGED_ARTIFACTS, "[]"))
    if (table := {"path": path.name, "type": "table"}) not in tables:
        client.set_tag(run_id, MLFLOW_LOGGED_ARTIFACTS, json.dumps([*tables, table]))


KINDS: dict[str, Callable[["MlflowClient", str, Path, Entry], None]] = {
    "params": lambda client, run_id, _, entry: _log_params(client, run_id, entry["values"]),
    "tags": lambda client, run_id, _, entry: _log_tags(client, run_id, entry["values"]),
    "input": lambda client, run_id, _, entry: _log_input(client, run_id, entry),
    "child": lambda client, run_id, _, entry: _log_child(client, run_id, entry),
    "artifact": lambda client, run_id, folder, entry: client.log_artifact(run_id, str(folder / FILES / entry["name"])),
    "table": lambda client, run_id, folder, entry: _log_table(client, run_id, folder / FILES / entry["name"]),
    "status": lambda client, run_id, _, entry: client.set_terminated(run_id, entry["status"], entry["time"]),
}
"""How entries of each kind but metrics are told, one by one."""
