"""MLflow: the one place that knows experiments, run names, tags and model lineage.

Experiment = recipe name. One parent run a DAG run (named after the DAG), one nested run a task (named after
the stage). Outside Airflow a job's run has no parent. Without a tracking server named by `MLFLOW_TRACKING_URI`
runs go to the same database and artifact folder that `mathmill up` serves.

MLflow is imported when a run starts, not with this module, so that parsing arguments stays quick.
"""

import json
import logging
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from mathmill.errors import UserError
from mathmill.home import CHECKOUT, home
from mathmill.journal import METRICS, Journal
from mathmill.journal_entries import tell
from mathmill.recipe import Recipe
from mathmill.redaction import redacted, without_login

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mlflow import MlflowClient

log = logging.getLogger("mathmill")

JOURNALS = "mlflow"
"""Folder in a job's output that holds what its run is still to be told."""
STAGE = "mathmill.stage"
RECIPE_DIGEST = "mathmill.recipe_digest"
GIT_COMMIT = "mathmill.git_commit"
MODEL_PATH = "mathmill.path"
PARENT_MODEL = "mathmill.parent_model"
DAG_STAGE = "dag"
CHAMPION = "champion"

AIRFLOW_TAGS = {
    "airflow.dag_id": "AIRFLOW_CTX_DAG_ID",
    "airflow.run_id": "AIRFLOW_CTX_DAG_RUN_ID",
    "airflow.task_id": "AIRFLOW_CTX_TASK_ID",
    "airflow.map_index": "AIRFLOW_CTX_MAP_INDEX",
    "airflow.try_number": "AIRFLOW_CTX_TRY_NUMBER",
}
"""Tag and the environment variable, set by the operator that submits a job, that holds its value."""

RESTART_SECONDS = 600.0
"""How long the server may be away when a model is to be registered."""
END_SECONDS = 60.0
"""How long it may be away when a job ends, before that is left for later."""


def tracking_uri() -> str:
    """The tracking server in `MLFLOW_TRACKING_URI`, else the database in the home folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home()}/mlflow/mlflow.db"


def artifact_root() -> Path:
    """Where artifacts lie when the home folder's own database is used."""
    return home() / "mlflow" / "artifacts"


def registered_name(recipe_name: str, role: str) -> str:
    """Name in the model registry; `role` is base, instruct, reward or rl."""
    return f"{recipe_name}-{role}"


class TaskRun:
    """A running MLflow run. What is logged is kept in a journal and told from there; nothing waits for the server."""

    def __init__(self, client: "MlflowClient", run_id: str, experiment_id: str, journal: Journal) -> None:
        self._client = client
        self._journal = journal
        self.run_id = run_id
        self.experiment_id = experiment_id

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Log figures at a step; those of a step that an earlier try of the job has logged are left out.

        Characters that MLflow has no place for in a name, which may hold that of a model's folder, become `_`.
        """
        named = {_metric_name(name): float(value) for name, value in metrics.items()}
        last = self._journal.last_steps
        new = {name: value for name, value in named.items() if step > last.get(name, -1)}
        if new:
            self._journal.write(METRICS, values=new, step=step, time=int(time.time() * 1000))

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log settings; values longer than MLflow's limit of 6,000 characters are cut."""
        self._journal.write("params", values={name: str(value)[:6000] for name, value in params.items()})

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set tags on the run."""
        self._journal.write("tags", values=dict(tags))

    def log_input(self, name: str, *, digest: str, source: str, context: str) -> None:
        """Log a data set that the run reads.

        Args:
            name: of it.
            digest: of its content; the first 36 characters are logged, MLflow's limit.
            source: where it is.
            context: what it is for, as `training` or `evaluation`.
        """
        self._journal.write("input", name=name, digest=digest[:36], source=source, context=context)

    def log_child(self, name: str, params: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
        """Log a finished run beneath this one.

        Args:
            name: of it; a second one of the same name takes the place of the first.
            params: its settings.
            metrics: its figures.
        """
        values = {_metric_name(metric): float(value) for metric, value in metrics.items()}
        settings = {param: str(value) for param, value in params.items()}
        self._journal.write("child", name=name, params=settings, values=values, time=int(time.time() * 1000))

    def next_step(self, prefix: str) -> int:
        """The first step that no metric of this prefix has been logged at by an earlier try."""
        return 1 + max((step for name, step in self._journal.last_steps.items() if name.startswith(prefix)), default=-1)

    def log_figure(self, figure: "Figure", name: str) -> None:
        """Log a plot as `name`, a file name ending in .png or .svg."""
        figure.savefig(self._journal.file(name))
        self._journal.write("artifact", name=name)

    def log_table(self, columns: Mapping[str, list[Any]], name: str) -> None:
        """Log a table, shown in the run's page, as `name`, a file name ending in .json."""
        import pandas as pd

        pd.DataFrame(dict(columns)).to_json(self._journal.file(name), orient="split", index=False, date_format="iso")
        self._journal.write("table", name=name)

    def log_rows(self, rows: Sequence[Mapping[str, Any]], name: str) -> None:
        """Log rows, all of the same columns, as a table; nothing without rows."""
        if rows:
            self.log_table({column: [row[column] for row in rows] for column in rows[0]}, name)

    def log_text(self, text: str, name: str) -> None:
        """Log a text file as `name`."""
        self._journal.file(name).write_text(text, encoding="utf-8")
        self._journal.write("artifact", name=name)

    def log_artifact(self, path: Path) -> None:
        """Log a file as it is."""
        shutil.copyfile(path, self._journal.file(path.name))
        self._journal.write("artifact", name=path.name)

    def register_model(self, path: Path, recipe_name: str, role: str, tags: Mapping[str, str]) -> str:
        """Register the model in the folder `path`, which stays where it is.

        Returns:
            The new version's number.

        Raises:
            UserError: the server does not answer, for longer than a restart takes.
        """
        import mlflow

        if not self._journal.wait(RESTART_SECONDS):
            raise UserError(
                f"MLflow at {without_login(tracking_uri())} has not answered for {RESTART_SECONDS / 60:.0f} minutes, so"
                " the model cannot be registered: start it with `mathmill up` and the job again, which goes on from its"
                " last checkpoint"
            )
        tags = {MODEL_PATH: str(path), STAGE: role, **tags}
        model = mlflow.create_external_model(
            name=role, source_run_id=self.run_id, tags=tags, model_type=role, experiment_id=self.experiment_id
        )
        version = mlflow.register_model(f"models:/{model.model_id}", registered_name(recipe_name, role), tags=tags)
        return str(version.version)

    def end(self, status: str) -> None:
        """Log the run's end, and wait a little until everything is told.

        Args:
            status: FINISHED, FAILED or KILLED.
        """
        self._journal.write("status", status=status, time=int(time.time() * 1000))
        if not self._journal.wait(END_SECONDS):
            log.warning(
                "MLflow still does not answer: what it is to know of run %s waits in the output folder;"
                " `mathmill deliver` tells it later",
                self.run_id,
            )
        self._journal.close(keep=status != "FINISHED")


class NoRun(TaskRun):
    """Stands in for the run on ranks other than the first, which log nothing."""

    def __init__(self) -> None:
        self.run_id = ""
        self.experiment_id = ""

    @override
    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        pass

    @override
    def log_params(self, params: Mapping[str, Any]) -> None:
        pass

    @override
    def set_tags(self, tags: Mapping[str, str]) -> None:
        pass

    @override
    def log_child(self, name: str, params: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
        pass

    @override
    def log_input(self, name: str, *, digest: str, source: str, context: str) -> None:
        pass

    @override
    def log_figure(self, figure: "Figure", name: str) -> None:
        pass

    @override
    def log_table(self, columns: Mapping[str, list[Any]], name: str) -> None:
        pass

    @override
    def log_text(self, text: str, name: str) -> None:
        pass

    @override
    def log_artifact(self, path: Path) -> None:
        pass

    @override
    def register_model(self, path: Path, recipe_name: str, role: str, tags: Mapping[str, str]) -> str:
        return ""


@contextmanager
def task_run(recipe: Recipe, stage: str, resume: str | None = None, journals: Path | None = None) -> Iterator[TaskRun]:
    """A run that ends FINISHED, or FAILED when the block raises.

    Args:
        recipe: names the experiment.
        stage: names the run.
        resume: id of the run of an interrupted try to go on with; where this server does not have it, a new one.
        journals: folder for what the server does not know yet; the interrupted try may have left some there. One of
            the home's by default.
    """
    client = tracking_client()
    experiment_id = _experiment(client, recipe.name)
    tags = {STAGE: stage, RECIPE_DIGEST: recipe.digest(), GIT_COMMIT: git_commit(), **_airflow_tags()}
    if resume and _is_active_run(client, resume):
        client.update_run(resume, status="RUNNING")
        run_id = resume
    else:
        parent = _dag_run(client, experiment_id, recipe)
        if parent:
            tags["mlflow.parentRunId"] = parent
        run_id = client.create_run(experiment_id, run_name=stage, tags=tags).info.run_id
    folder = (journals or home() / "mlflow" / "journals") / run_id
    run = TaskRun(client, run_id, experiment_id, open_journal(folder, client))
    status = "FAILED"
    try:
        yield run
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        run.end(status)


def remove_other_journals(journals: Path, run_id: str) -> None:
    """Remove the journals of other runs than this one, which gave up; and their folder if none is left."""
    for folder in journals.iterdir():
        if folder.name != run_id:
            shutil.rmtree(folder)
    if not any(journals.iterdir()):
        journals.rmdir()


def open_journal(folder: Path, client: "MlflowClient") -> Journal:
    """The journal of the run after whose id the folder is named; it tells the server by `client`."""
    run_id = folder.name
    return Journal(folder, lambda entries: tell(client, run_id, folder, entries), without_login(tracking_uri()))


def end_dag_run(recipe_name: str, dag_id: str, dag_run_id: str, status: str) -> None:
    """Close the parent run of an Airflow DAG run; `status` is FINISHED or FAILED."""
    client = tracking_client()
    experiment = client.get_experiment_by_name(recipe_name)
    run_id = _find_dag_run(client, experiment.experiment_id, dag_id, dag_run_id) if experiment else None
    if run_id:
        client.set_terminated(run_id, status)


def dag_run_url(recipe_name: str, dag_id: str, dag_run_id: str) -> str:
    """Address of the page of an Airflow DAG run's own run; empty where it has none."""
    client = tracking_client()
    experiment = client.get_experiment_by_name(recipe_name)
    run_id = _find_dag_run(client, experiment.experiment_id, dag_id, dag_run_id) if experiment else None
    return run_url(experiment.experiment_id, run_id) if run_id else ""


def run_url(experiment_id: str, run_id: str) -> str:
    """Address of a run's page; empty where runs go to a database without a server."""
    uri = without_login(tracking_uri())
    # Without the parameter MLflow shows its pages for agents: traces, prompts, judges.
    page = f"{uri}/#/experiments/{experiment_id}/runs/{run_id}?workflowType=machine_learning"
    return page if uri.startswith("http") else ""


def git_commit() -> str:
    """The checkout's commit, or `unknown` outside one."""
    result = subprocess.run(
        ["git", "-C", str(CHECKOUT), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    return result.stdout.strip() or "unknown"


def tracking_client() -> "MlflowClient":
    """A client of the tracking server and model registry at `tracking_uri()`."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
    import mlflow

    uri = tracking_uri()
    if uri.startswith("sqlite"):
        artifact_root().mkdir(parents=True, exist_ok=True)
    mlflow.set_tracking_uri(uri)
    return mlflow.MlflowClient(uri)


def _metric_name(name: str) -> str:
    return re.sub(r"[^\w/.\- :]", "_", name)


def _experiment(client: "MlflowClient", name: str) -> str:
    from mlflow.exceptions import MlflowException

    try:
        experiment = client.get_experiment_by_name(name)
    except MlflowException as error:
        if error.error_code != "INTERNAL_ERROR":
            raise
        raise UserError(
            f"MLflow at {without_login(tracking_uri())} does not answer:"
            " start it with `mathmill up`, or unset MLFLOW_TRACKING_URI"
        ) from error
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


def _is_active_run(client: "MlflowClient", run_id: str) -> bool:
    from mlflow.exceptions import MlflowException

    try:
        return client.get_run(run_id).info.lifecycle_stage == "active"
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return False


def _airflow_tags() -> dict[str, str]:
    return {tag: os.environ[variable] for tag, variable in AIRFLOW_TAGS.items() if os.environ.get(variable)}


def _dag_run(client: "MlflowClient", experiment_id: str, recipe: Recipe) -> str | None:
    """The parent run of the Airflow DAG run that this job belongs to, made when it is the first of it."""
    tags = _airflow_tags()
    if "airflow.run_id" not in tags:
        return None
    dag_id, dag_run_id = tags["airflow.dag_id"], tags["airflow.run_id"]
    found = _find_dag_run(client, experiment_id, dag_id, dag_run_id)
    if found:
        return found
    parent_tags = {
        "airflow.dag_id": dag_id,
        "airflow.run_id": dag_run_id,
        STAGE: DAG_STAGE,
        RECIPE_DIGEST: recipe.digest(),
        GIT_COMMIT: git_commit(),
    }
    run_id: str = client.create_run(experiment_id, run_name=dag_id, tags=parent_tags).info.run_id
    client.log_text(run_id, json.dumps(redacted(recipe.model_dump(mode="json")), indent=2), "recipe.json")
    return run_id


def _find_dag_run(client: "MlflowClient", experiment_id: str, dag_id: str, dag_run_id: str) -> str | None:
    runs = client.search_runs(
        [experiment_id],
        filter_string=(
            f"tags.\"airflow.run_id\" = '{dag_run_id}' AND tags.\"airflow.dag_id\" = '{dag_id}'"
            f" AND tags.\"{STAGE}\" = '{DAG_STAGE}'"
        ),
        order_by=["start_time ASC"],
        max_results=1,
    )
    return runs[0].info.run_id if runs else None
