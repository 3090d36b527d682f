"""What happens when a DAG run ends."""

from airflow.sdk import Context

from mathmill.tracking import end_dag_run
from operators.plan import PREPARE


def close_finished_run(context: Context) -> None:
    """Close the DAG run's MLflow run as finished."""
    _close(context, "FINISHED")


def close_failed_run(context: Context) -> None:
    """Close the DAG run's MLflow run as failed."""
    _close(context, "FAILED")


def _close(context: Context, status: str) -> None:
    plan = context["ti"].xcom_pull(task_ids=PREPARE)
    if plan is not None:
        end_dag_run(plan["name"], context["dag"].dag_id, context["run_id"], status)
