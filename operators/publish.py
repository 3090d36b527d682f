"""The last task of a DAG: tell the world that its output is there."""

from pathlib import Path
from typing import Any

from airflow.sdk import BaseOperator, Context
from typing_extensions import override

from mathmill.job_record import JobRecord
from operators.assets import output_alias, output_asset
from operators.plan import PLAN, Plan


class PublishOperator(BaseOperator):
    """Emit the event of the run's output, which starts the DAGs that wait for it.

    The event's `extra` has `path`, `mlflow_run_id`, `recipe`, `overrides`, and `outputs`: the path of this and of
    every earlier output of the chain, by stage, so that the runs it starts use these and no newer ones.

    Args:
        makes: stage of the run's output.
        record: folder whose `job.json` names the MLflow run; a template.
    """

    template_fields = ("plan", "record")
    ui_color = "#e6f4ea"

    def __init__(self, *, makes: str, record: str, plan: str = PLAN, **kwargs: Any) -> None:
        super().__init__(task_id="publish", outlets=[output_alias(makes)], **kwargs)
        self.makes = makes
        self.record = record
        self.plan = plan

    @override
    def execute(self, context: Context) -> dict[str, Any]:
        plan = Plan.from_json(self.plan)
        extra: dict[str, Any] = {
            "path": plan.out,
            "mlflow_run_id": JobRecord.read(Path(self.record)).mlflow_run_id,
            "recipe": plan.recipe,
            "overrides": plan.overrides,
            "outputs": {**plan.inputs, self.makes: plan.out},
        }
        asset = output_asset(plan.name, self.makes)
        context["outlet_events"][output_alias(self.makes)].add(asset, extra=extra)
        self.log.info("%s is %s", asset.uri, plan.out)
        return extra
