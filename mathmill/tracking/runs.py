"""Experiments and runs: experiment = recipe, one parent run a DAG run, nested in it one run a task.

The parent is named after the DAG, the nested run after its stage. Outside Airflow a job's run has no parent.
"""

import json
import os
import subprocess
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mathmill.errors import UserError
from mathmill.home import CHECKOUT
from mathmill.launcher.launcher import MlflowRun
from mathmill.recipe import Recipe
from mathmill.redaction import redacted
from mathmill.tracking.server import artifact_root, run_url, tracking_client, tracking_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

STAGE = "mathmill.stage"
RECIPE_DIGEST = "mathmill.recipe_digest"
GIT_COMMIT = "mathmill.git_commit"
RUN_KEY = "mathmill.run_key"
"""Tag with a name of our own for a run, by which it is found again when its id did not get to us."""
DAG_STAGE = "dag"
DAG_ID = "airflow.dag_id"
RUN_ID = "airflow.run_id"
RUN_URL = "airflow.run_url"
"""Tag of a DAG run's own run: the DAG run's page in Airflow."""
LOG_URL = "airflow.log_url"
"""Tag of a task's run: the page in Airflow that shows the log of the try."""
DESCRIPTION = "mlflow.note.content"
"""Tag that a run's page shows as Markdown, with links that can be followed."""

AIRFLOW_TAGS = {
    DAG_ID: "AIRFLOW_CTX_DAG_ID",
    RUN_ID: "AIRFLOW_CTX_DAG_RUN_ID",
    "airflow.task_id": "AIRFLOW_CTX_TASK_ID",
    "airflow.map_index": "AIRFLOW_CTX_MAP_INDEX",
    "airflow.try_number": "AIRFLOW_CTX_TRY_NUMBER",
    LOG_URL: "AIRFLOW_CTX_LOG_URL",
}
"""Tag and the environment variable, set by the operator that submits a job, that holds its value."""

Wanted = Mapping[str, Any]
"""What a run is to be, as JSON: `experiment`, `name`, `tags`, `time` of its start in ms, and `parent`: None, or `name`,
`tags` and the `recipe` that it shows."""


def wanted_run(recipe: Recipe, stage: str, key: str) -> Wanted:
    """The run of this job, by its environment; `key` is our own name for it."""
    origin = {RECIPE_DIGEST: recipe.digest(), GIT_COMMIT: git_commit()}
    airflow = {tag: os.environ[variable] for tag, variable in AIRFLOW_TAGS.items() if os.environ.get(variable)}
    if LOG_URL in airflow:
        airflow[DESCRIPTION] = _description(airflow[LOG_URL])
    return {
        "experiment": recipe.name,
        "name": stage,
        "tags": {STAGE: stage, RUN_KEY: key, **origin, **airflow},
        "time": int(time.time() * 1000),
        "parent": _wanted_parent(recipe, origin, airflow) if RUN_ID in airflow else None,
    }


def make_run(client: "MlflowClient", wanted: Wanted) -> MlflowRun:
    """Make the run, its experiment and its parent, of which there may be the latter two.

    Raises:
        UserError: the experiment is deleted.
    """
    experiment_id = _experiment(client, wanted["experiment"])
    tags = dict(wanted["tags"])
    if wanted["parent"]:
        tags["mlflow.parentRunId"] = _parent(client, experiment_id, wanted["parent"])
    run = client.create_run(experiment_id, start_time=wanted["time"], run_name=wanted["name"], tags=tags)
    return MlflowRun(run.info.run_id, experiment_id)


def resume_run(client: "MlflowClient", run: "Run", wanted: Wanted) -> None:
    """Have a run go on for another try of its job; a description that a person has changed stays."""
    tags = dict(wanted["tags"])
    if run.data.tags.get(DESCRIPTION) != _description(run.data.tags.get(LOG_URL, "")):
        tags.pop(DESCRIPTION, None)
    client.update_run(run.info.run_id, status="RUNNING")
    for tag, value in tags.items():
        if run.data.tags.get(tag) != value:
            client.set_tag(run.info.run_id, tag, value)


def active_run(client: "MlflowClient", run_id: str) -> "Run | None":
    """The run of this id; None where the server has none, or it is deleted."""
    from mlflow.exceptions import MlflowException

    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None
    return run if run.info.lifecycle_stage == "active" else None


def run_of_key(client: "MlflowClient", wanted: Wanted) -> "Run | None":
    """The run that was made from `wanted`, if it was."""
    experiment = client.get_experiment_by_name(wanted["experiment"])
    if experiment is None:
        return None
    key = wanted["tags"][RUN_KEY]
    runs = client.search_runs([experiment.experiment_id], f"tags.\"{RUN_KEY}\" = '{key}'", max_results=1)
    return runs[0] if runs else None


def end_dag_run(recipe_name: str, dag_id: str, dag_run_id: str, status: str) -> None:
    """Close the parent run of an Airflow DAG run; `status` is FINISHED or FAILED."""
    client = tracking_client()
    if run := _dag_run(client, recipe_name, dag_id, dag_run_id):
        client.set_terminated(run.info.run_id, status)


def dag_run_url(recipe_name: str, dag_id: str, dag_run_id: str) -> str:
    """Address of the page of an Airflow DAG run's own run; empty where it has none."""
    run = _dag_run(tracking_client(), recipe_name, dag_id, dag_run_id)
    return run_url(run.info.experiment_id, run.info.run_id) if run else ""


def git_commit() -> str:
    """The checkout's commit, or `unknown` outside one."""
    result = subprocess.run(
        ["git", "-C", str(CHECKOUT), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    return result.stdout.strip() or "unknown"


def _description(log_url: str) -> str:
    return f"[The task's log in Airflow]({log_url})"


def _wanted_parent(recipe: Recipe, origin: Mapping[str, str], airflow: Mapping[str, str]) -> Wanted:
    tags = {DAG_ID: airflow[DAG_ID], RUN_ID: airflow[RUN_ID], STAGE: DAG_STAGE, **origin}
    if url := os.environ.get("AIRFLOW_CTX_RUN_URL"):
        tags |= {RUN_URL: url, DESCRIPTION: f"[The DAG run in Airflow]({url})"}
    return {"name": airflow[DAG_ID], "tags": tags, "recipe": redacted(recipe.model_dump(mode="json"))}


def _experiment(client: "MlflowClient", name: str) -> str:
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        return _create_experiment(client, name)
    if experiment.lifecycle_stage != "active":
        raise UserError(f"MLflow's experiment '{name}' is deleted: restore it, or give the recipe another name")
    return experiment.experiment_id


def _create_experiment(client: "MlflowClient", name: str) -> str:
    from mlflow.exceptions import MlflowException

    local = tracking_uri().startswith("sqlite")
    try:
        return client.create_experiment(name, artifact_location=(artifact_root() / name).as_uri() if local else None)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
        # Another task of the recipe made it in the meantime.
        return client.get_experiment_by_name(name).experiment_id


def _parent(client: "MlflowClient", experiment_id: str, wanted: Wanted) -> str:
    """The parent run of an Airflow DAG run, made when this job is the first of it."""
    tags = wanted["tags"]
    found = _find_dag_run(client, experiment_id, tags[DAG_ID], tags[RUN_ID])
    if found:
        return found.info.run_id
    run_id: str = client.create_run(experiment_id, run_name=wanted["name"], tags=tags).info.run_id
    client.log_text(run_id, json.dumps(wanted["recipe"], indent=2), "recipe.json")
    return run_id


def _dag_run(client: "MlflowClient", recipe_name: str, dag_id: str, dag_run_id: str) -> "Run | None":
    experiment = client.get_experiment_by_name(recipe_name)
    return _find_dag_run(client, experiment.experiment_id, dag_id, dag_run_id) if experiment else None


def _find_dag_run(client: "MlflowClient", experiment_id: str, dag_id: str, dag_run_id: str) -> "Run | None":
    runs = client.search_runs(
        [experiment_id],
        filter_string=(
            f"tags.\"{RUN_ID}\" = '{dag_run_id}' AND tags.\"{DAG_ID}\" = '{dag_id}'"
            f" AND tags.\"{STAGE}\" = '{DAG_STAGE}'"
        ),
        order_by=["start_time ASC"],
        max_results=1,
    )
    return runs[0] if runs else None
