"""The task that starts the next DAG where the output's event does not."""

from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowSkipException, DagRunTriggerException
from typing_extensions import override

from operators.plan import PLAN, Plan


class StartNextOperator(BaseOperator):
    """Start a DAG with the run's output, in the run of a partition.

    Every event that such a run emits has the run's partition key, and with one Airflow starts no DAG that is scheduled
    on the asset alone (`AssetManager._queue_dagruns`).

    Args:
        next_dag: id of the DAG.
        makes: stage of the run's output, a param of that DAG.
        plan: template of the plan.
    """

    template_fields = ("plan",)
    ui_color = "#e6f4ea"

    def __init__(self, *, next_dag: str, makes: str, plan: str = PLAN, **kwargs: Any) -> None:
        super().__init__(task_id=f"start_{next_dag}", **kwargs)
        self.next_dag = next_dag
        self.makes = makes
        self.plan = plan

    @override
    def execute(self, context: Context) -> None:
        ti = context["ti"]
        if context["partition_key"] is None:
            raise AirflowSkipException(f"the event of the output starts {self.next_dag}")
        if ti.get_dag(self.next_dag).is_paused:
            raise AirflowSkipException(f"{self.next_dag} is paused")
        plan = Plan.from_json(self.plan)
        raise DagRunTriggerException(
            trigger_dag_id=self.next_dag,
            # Another try finds the run that it had started; a clear starts another.
            dag_run_id=f"{ti.dag_id}__{context['run_id']}__{ti.max_tries}",
            conf={"recipe": plan.recipe, "overrides": plan.overrides, self.makes: plan.out},
            reset_dag_run=False,
            skip_when_already_exists=True,
            wait_for_completion=False,
            allowed_states=[],
            failed_states=[],
            poke_interval=0,
            deferrable=False,
        )
