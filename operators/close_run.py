"""The end of every DAG run, well or not."""

from airflow.sdk import BaseOperator, Context
from typing_extensions import override

from mathmill.tracking import end_dag_run
from operators.plan import PREPARE

BAD = ("failed", "upstream_failed")


class CloseRunOperator(BaseOperator):
    """Close the DAG run's MLflow run: as failed when a task failed, else as finished.

    To be used as a teardown, so that it runs after everything and has no say in the state of the DAG run. Airflow's
    own callbacks at a run's end were seen to get lost.
    """

    ui_color = "#e6f4ea"

    @override
    def execute(self, context: Context) -> None:
        ti, run_id = context["ti"], context["run_id"]
        plan = ti.xcom_pull(task_ids=PREPARE)
        if plan is None:
            self.log.info("%s made no plan, so there is no run to close", PREPARE)
            return
        states = ti.get_task_states(ti.dag_id, run_ids=[run_id])[run_id]
        status = "FAILED" if any(state in BAD for state in states.values()) else "FINISHED"
        end_dag_run(plan["name"], ti.dag_id, run_id, status)
        self.log.info("MLflow run of %s: %s", run_id, status)
