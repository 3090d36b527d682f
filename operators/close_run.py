"""The end of every DAG run, well or not."""

from airflow.sdk import BaseOperator, Context
from typing_extensions import override

from mathmill.tracking.runs import end_dag_run
from operators.alerts import tell_failure
from operators.deadline import Deadline
from operators.job import DAG_ID, RUN_ID, launcher_connections
from operators.launcher_hook import LauncherHook
from operators.plan import PREPARE, Plan

BAD = ("failed", "upstream_failed")


class CloseRunOperator(BaseOperator):
    """End what jobs the DAG run has left, close its MLflow run, and tell people if a task failed or it was late.

    A job is left where a run is stopped while the job's task waits for another try, and so has nobody to end it.

    To be used as a teardown, so that it runs after everything and has no say in the state of the DAG run. Airflow's
    own callbacks at a run's end were seen to get lost.
    """

    ui_color = "#e6f4ea"

    @override
    def execute(self, context: Context) -> None:
        ti, run_id = context["ti"], context["run_id"]
        for connection in launcher_connections(context["dag"].tasks):
            ours = {DAG_ID: ti.dag_id, RUN_ID: run_id}
            for key in LauncherHook(connection).get_conn().cancel_all(ours):
                self.log.warning("job %s still ran and was ended", key)
        plan = ti.xcom_pull(task_ids=PREPARE)
        if plan is None:
            self.log.info("%s made no plan, so there is no run to close", PREPARE)
            return
        states = ti.get_task_states(ti.dag_id, run_ids=[run_id])[run_id]
        bad = [task_id for task_id, state in states.items() if state in BAD]
        status = "FAILED" if bad else "FINISHED"
        end_dag_run(plan["name"], ti.dag_id, run_id, status)
        self.log.info("MLflow run of %s: %s", run_id, status)
        deadline = Deadline.of(Plan(**plan), context)
        if deadline and deadline.has_passed():
            deadline.tell()
        if bad:
            # A task that only waited for a failed one says nothing of the cause.
            failed = [task_id for task_id in bad if states[task_id] == "failed"]
            tell_failure(Plan(**plan), ti.dag_id, run_id, failed or bad)
