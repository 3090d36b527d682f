"""Where MLflow is: the tracking server, what speaks to it, and its pages.

Without a tracking server named by `MLFLOW_TRACKING_URI` runs go to the same database and artifact folder that
`mathmill up` serves.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mathmill.errors import UserError
from mathmill.home import home
from mathmill.redaction import without_login

if TYPE_CHECKING:
    from mlflow import MlflowClient


def tracking_uri() -> str:
    """The tracking server in `MLFLOW_TRACKING_URI`, else the database in the home folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home()}/mlflow/mlflow.db"


def shown_uri() -> str:
    """The tracking server as messages name it."""
    return without_login(tracking_uri())


def reason(error: Exception) -> str:
    """What an error of MLflow's says, in one line without a login."""
    return without_login(" ".join(str(error).split()))[:200]


def artifact_root() -> Path:
    """Where artifacts lie when the home folder's own database is used."""
    return home() / "mlflow" / "artifacts"


def tracking_client() -> "MlflowClient":
    """A client of the tracking server and model registry at `tracking_uri()`.

    Raises:
        UserError: MLflow has no use for such an address.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
    import mlflow

    uri = tracking_uri()
    if uri.startswith("sqlite"):
        artifact_root().mkdir(parents=True, exist_ok=True)
    mlflow.set_tracking_uri(uri)
    try:
        return mlflow.MlflowClient(uri)
    except mlflow.MlflowException as error:
        if error.error_code != "INVALID_PARAMETER_VALUE":
            raise
        wrong = f"MLFLOW_TRACKING_URI={shown_uri()}: {reason(error)}: name a server or a database"
        raise UserError(wrong) from error


def run_url(experiment_id: str, run_id: str) -> str:
    """Address of a run's page; empty where runs go to a database without a server."""
    # Without the parameter MLflow shows its pages for agents: traces, prompts, judges.
    front = front_page()
    return front and f"{front}/#/experiments/{experiment_id}/runs/{run_id}?workflowType=machine_learning"


def front_page() -> str:
    """Address of the server's front page; empty where runs go to a database without a server."""
    return shown_uri() if shown_uri().startswith("http") else ""
