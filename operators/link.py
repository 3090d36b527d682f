"""From a task to its MLflow run."""

from pathlib import Path
from typing import Any

from airflow.sdk import BaseOperatorLink
from typing_extensions import override

from mathmill.job_record import RECORD, JobRecord
from mathmill.tracking.server import front_page, run_url

LINK_KEY = "mlflow_run_url"
"""XCom that holds the link's address; the trigger sets it when the run is known."""


class MlflowRunLink(BaseOperatorLink):
    """The page of the run that made the task's output; MLflow's front page until there is one."""

    @property
    @override
    def name(self) -> str:
        return "MLflow run"

    @property
    @override
    def xcom_key(self) -> str:
        return LINK_KEY

    @override
    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        if operator.out is not None and (Path(operator.out) / RECORD).is_file():
            return record_url(JobRecord.read(Path(operator.out)))
        return front_page()


def record_url(record: JobRecord) -> str:
    """The page of the run named in `record`; MLflow's front page where it did not answer while the job ran."""
    if not record.mlflow_run_id:
        return front_page()
    return run_url(record.mlflow_experiment_id, record.mlflow_run_id)
