"""What the entries of a journal are to MLflow by their kinds: metrics, params, tags, input, artifact, table, status."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mathmill.journal import BATCH, FILES, Entry, ServerAwayError

if TYPE_CHECKING:
    from mlflow import MlflowClient

AWAY = ("INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED")
"""MLflow's error codes for a server that is not reached, or not now."""


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

    try:
        _call(client, run_id, folder, entries)
    except MlflowException as error:
        if error.error_code not in AWAY:
            raise
        raise ServerAwayError(" ".join(str(error).split())[:200]) from error


def _call(client: "MlflowClient", run_id: str, folder: Path, entries: Sequence[Entry]) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag

    first = entries[0]
    match first["kind"]:
        case "metrics":
            metrics = [
                Metric(name, value, one["time"], one["step"])
                for one in entries
                for name, value in one["values"].items()
            ]
            for start in range(0, len(metrics), BATCH):
                client.log_batch(run_id, metrics=metrics[start : start + BATCH])
        case "params":
            params = [Param(name, value) for name, value in first["values"].items()]
            for start in range(0, len(params), 100):
                client.log_batch(run_id, params=params[start : start + 100])
        case "tags":
            client.log_batch(run_id, tags=[RunTag(name, value) for name, value in first["values"].items()])
        case "input":
            data = Dataset(first["name"], first["digest"], "local", first["source"])
            client.log_inputs(run_id, [DatasetInput(data, [InputTag("mlflow.data.context", first["context"])])])
        case "artifact":
            client.log_artifact(run_id, str(folder / FILES / first["name"]))
        case "table":
            _log_table(client, run_id, folder / FILES / first["name"])
        case "status":
            client.set_terminated(run_id, first["status"], first["time"])


def _log_table(client: "MlflowClient", run_id: str, path: Path) -> None:
    """Log a file as a table. The client's own way adds the rows to those that are there."""
    from mlflow.utils.mlflow_tags import MLFLOW_LOGGED_ARTIFACTS

    client.log_artifact(run_id, str(path))
    tables = json.loads(client.get_run(run_id).data.tags.get(MLFLOW_LOGGED_ARTIFACTS, "[]"))
    if (table := {"path": path.name, "type": "table"}) not in tables:
        client.set_tag(run_id, MLFLOW_LOGGED_ARTIFACTS, json.dumps([*tables, table]))
