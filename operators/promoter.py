"""The task that asks a person which evaluated models become champions, and waits without a worker or a triggerer."""

from collections.abc import Collection
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Context, Param
from airflow.sdk.definitions.param import ParamsDict
from airflow.sdk.exceptions import AirflowFailException
from typing_extensions import override

from mathmill.errors import UserError
from operators.plan import PLAN, Plan

if TYPE_CHECKING:
    from mathmill.evaluation.promote import Candidate

TASK_ID = "ask"
PROMOTE, KEEP, ACCURACY = "Promote", "Keep the champions", "By accuracy"
MODELS = "models"
BODY = """{table}

*{promote}* makes the models chosen below champions, *{keep}* none; *{accuracy}* leaves it to the mean accuracy over the
tasks. So does no answer within {hours:g} hours."""


class AskPromoterOperator(HITLOperator):
    """Wait for a person's choice, where the recipe says so and there is a model that is no champion yet.

    Its XCom has `crown`, the option of `mathmill promote`, and `by`, who chose; none when accuracy decides.

    Args:
        evaluation: a finished evaluation, a template.
        plan: template of the plan.
    """

    template_fields: Collection[str] = ("subject", "evaluation", "plan")
    ui_color = "#fff3c4"

    def __init__(self, *, evaluation: str, plan: str = PLAN, **kwargs: Any) -> None:
        super().__init__(
            task_id=TASK_ID,
            subject="Which models become champions?",
            options=[PROMOTE, KEEP, ACCURACY],
            defaults=ACCURACY,
            **kwargs,
        )
        # Airflow hands the DAG's params to `__init__`; the answer's form is to have this one only.
        self.params = ParamsDict({MODELS: _models([])})
        self.evaluation = evaluation
        self.plan = plan

    @override
    def execute(self, context: Context) -> None:
        from mathmill.evaluation.promote import AUTO, candidates  # with its graders, a tenth of a second
        from mathmill.evaluation.proposal import proposal

        plan = Plan.from_json(self.plan)
        recipe = plan.load().evaluation.promotion
        if recipe.mode == AUTO:
            self.log.info("evaluation.promotion is auto: accuracy decides")
            return
        folder = Path(self.evaluation)
        try:
            found = list(candidates(folder, plan.name))
            table = proposal(found, folder, plan.name)
        except UserError as error:
            raise AirflowFailException(str(error)) from None
        if all(one.reigns for one in found):
            self.log.info("every model is champion already: nothing to ask")
            return
        self.params = ParamsDict({MODELS: _models(found)})
        self.body = BODY.format(
            table=table, promote=PROMOTE, keep=KEEP, accuracy=ACCURACY, hours=recipe.response_timeout
        )
        self.response_timeout = timedelta(hours=recipe.response_timeout)
        super().execute(context)

    @override
    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, str] | None:
        from mathmill.evaluation.promote import NOBODY

        answer = super().execute_complete(context, event)
        (chosen,), who = answer["chosen_options"], answer["responded_by_user"]
        if chosen == ACCURACY:
            self.log.info("accuracy decides: %s", f"so {who['name']} chose" if who else "nobody answered in time")
            return None
        models = answer["params_input"].get(MODELS) if chosen == PROMOTE else None
        decision = {"crown": ",".join(models or [NOBODY]), "by": who["name"]}
        self.log.info("%(by)s chose as champions: %(crown)s", decision)
        return decision


def decided(part: str) -> str:
    """Template of the `part` of what a person decided, `crown` or `by`; empty when accuracy decides."""
    return "{{ (ti.xcom_pull(task_ids='" + TASK_ID + "') or {}).get('" + part + "', '') }}"


def _models(found: "Collection[Candidate]") -> Param:
    """The field of the models that are to be promoted: those that are no champions yet, at first all."""
    labels = [one.label for one in found if not one.reigns]
    return Param(
        labels,
        type=["array", "null"],
        items={"type": "string"},
        examples=labels,
        description="The models that become champions.",
        source="task",
    )
