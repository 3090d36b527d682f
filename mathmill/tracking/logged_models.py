"""Models as MLflow has them beside its runs: the checkpoints of a training, with the figures of their step.

Nothing of them is stored there; a checkpoint's tags say where it lies, or that it was removed.
"""

import json
import math
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from mathmill.launcher.launcher import MlflowRun
from mathmill.tracking.journal import JOURNAL, METRICS, Entry
from mathmill.tracking.model_names import MODEL_PATH
from mathmill.tracking.runs import DESCRIPTION
from mathmill.tracking.system_metrics import PREFIX

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel, Metric

CHECKPOINT = "checkpoint"
"""Type of a model that is a checkpoint."""
STATE = "mathmill.checkpoint"
"""Tag of a checkpoint: `KEPT`, or `REMOVED` from disk since a later one or the finished model took its place."""
KEPT = "kept"
REMOVED = "removed"


def log_checkpoint(client: "MlflowClient", run: MlflowRun, folder: Path, entry: Entry) -> None:
    """Have MLflow know a checkpoint by the entry that tells of it, and which of the run's others are no more.

    Args:
        client: of the server.
        run: that made it.
        folder: of the journal, which holds the figures.
        entry: `name`, `step` and `path` of the checkpoint; `kept`: the names of all that are on disk.
    """
    found = _checkpoints(client, run, f"name = '{entry['name']}'")
    model = found[0] if found else _create(client, run, entry)
    metrics = _figures_of_step(folder, entry, model.model_id)
    if metrics:
        client.log_batch(run.run_id, metrics=metrics)
    client.finalize_logged_model(model.model_id, "READY")
    log_output(client, run.run_id, model.model_id, entry["step"])
    mark_removed(client, run, entry["kept"])


def mark_removed(client: "MlflowClient", run: MlflowRun, kept: Collection[str]) -> None:
    """Say of the run's checkpoints that they were removed, all but those named in `kept`."""
    for model in _checkpoints(client, run, f"tags.`{STATE}` = '{KEPT}'"):
        if model.name in kept:
            continue
        tags = {STATE: REMOVED}
        # A description that a person has written stays.
        if model.tags.get(DESCRIPTION) == _description(model.tags.get(MODEL_PATH, "")):
            tags[DESCRIPTION] = "Removed from disk: a later checkpoint or the finished model took its place."
        if MODEL_PATH in model.tags:
            client.delete_logged_model_tag(model.model_id, MODEL_PATH)
        client.set_logged_model_tags(model.model_id, tags)


def log_output(client: "MlflowClient", run_id: str, model_id: str, step: int) -> None:
    """Have the run's page show a model, once."""
    from mlflow.entities import LoggedModelOutput

    shown = client.get_run(run_id).outputs.model_outputs
    if all(one.model_id != model_id for one in shown):
        client.log_outputs(run_id, [LoggedModelOutput(model_id, step)])


def _checkpoints(client: "MlflowClient", run: MlflowRun, condition: str) -> "list[LoggedModel]":
    of_run = f"source_run_id = '{run.run_id}' AND model_type = '{CHECKPOINT}'"
    return list(client.search_logged_models([run.experiment_id], f"{of_run} AND {condition}"))


def _create(client: "MlflowClient", run: MlflowRun, entry: Entry) -> "LoggedModel":
    from mlflow.utils.mlflow_tags import MLFLOW_MODEL_IS_EXTERNAL

    return client.create_logged_model(
        run.experiment_id,
        entry["name"],
        source_run_id=run.run_id,
        tags={
            STATE: KEPT,
            MODEL_PATH: entry["path"],
            DESCRIPTION: _description(entry["path"]),
            MLFLOW_MODEL_IS_EXTERNAL: "true",
        },
        params={"step": str(entry["step"])},
        model_type=CHECKPOINT,
    )


def _description(path: str) -> str:
    return f"Kept at `{path}`."


def _figures_of_step(folder: Path, entry: Entry, model_id: str) -> "list[Metric]":
    """What the journal has of the checkpoint's step before its entry, of each figure the last.

    They are those that the run has, down to their time, so that it does not get them twice.
    """
    from mlflow.entities import Metric

    mark = f'"step": {entry["step"]}'.encode()
    figures: dict[str, tuple[float, int]] = {}
    with (folder / JOURNAL).open("rb") as journal:
        for line in journal:
            if mark not in line:
                continue
            one = json.loads(line)
            if one == entry:
                break
            if one["kind"] == METRICS and one["step"] == entry["step"]:
                figures |= {name: (value, one["time"]) for name, value in one["values"].items()}
    return [
        Metric(name, value, time, entry["step"], model_id=model_id)
        for name, (value, time) in figures.items()
        if math.isfinite(value) and not name.startswith(PREFIX)
    ]
