"""The task that asks a person which URL prefixes are mathematics, and waits without a worker or a triggerer."""

from collections.abc import Collection
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Context, Param
from airflow.sdk.definitions.param import ParamsDict
from airflow.sdk.exceptions import AirflowFailException
from typing_extensions import override

from mathmill.corpus.decisions import AUTO
from mathmill.corpus.layout import Build, Iteration
from mathmill.corpus.question import ANSWER, DECISIONS, DIGEST, THRESHOLDS, Question, is_anything_open
from operators.pages import airflow_page
from operators.plan import PLAN, Plan

BODY = """Decide on the page **[Corpus]({page})**: it shows each candidate domain with its pages and sends the answer.

What you can choose below instead of that: *{thresholds}* leaves this iteration to the recipe's thresholds. So does no
answer within {hours:g} hours."""


class AskAnnotatorOperator(HITLOperator):
    """Wait for a person's decisions, where the recipe says so and there is something that no person has decided.

    Its XCom is the file with the decisions; none when thresholds decide.

    Args:
        iteration: of mining, counted from 1.
        previous: earlier annotations, a template; empty for none.
        plan: template of the plan.
    """

    template_fields: Collection[str] = ("subject", "previous", "plan")
    ui_color = "#fff3c4"

    def __init__(self, *, iteration: int, previous: str, plan: str = PLAN, **kwargs: Any) -> None:
        super().__init__(
            task_id="ask",
            subject=f"Which URL prefixes are mathematics? (iteration {iteration})",
            options=[ANSWER, THRESHOLDS],
            defaults=THRESHOLDS,
            **kwargs,
        )
        # Airflow hands the DAG's params to `__init__`; the answer's form is to have this one only.
        filled_in = Param(None, type=["string", "null"], description="Filled in by the page Corpus.", source="task")
        self.params = ParamsDict({DECISIONS: filled_in})
        self.iteration = iteration
        self.previous = previous
        self.plan = plan

    @override
    def execute(self, context: Context) -> None:
        plan = Plan.from_json(self.plan)
        recipe = plan.load().corpus.annotation
        this = _iteration(plan, self.iteration)
        previous = Path(self.previous) if self.previous else None
        if recipe.mode == AUTO:
            self.log.info("corpus.annotation is auto: thresholds decide")
            return
        if not is_anything_open(this.domains, previous, recipe.min_pages):
            self.log.info("people have decided about every prefix before: nothing to ask")
            return
        ti = context["ti"]
        question = Question(
            ti.dag_id, ti.run_id, ti.task_id, ti.map_index, self.previous or None, recipe.min_pages, recipe.min_rate
        )
        question.write(this.question)
        run = Path(plan.out)
        page = airflow_page(f"corpus/builds/{quote(plan.name)}/{quote(run.name)}/annotate/{self.iteration}")
        self.body = BODY.format(page=page, thresholds=THRESHOLDS, hours=recipe.response_timeout)
        self.response_timeout = timedelta(hours=recipe.response_timeout)
        super().execute(context)

    @override
    def execute_complete(self, context: Context, event: dict[str, Any]) -> str | None:
        answer = super().execute_complete(context, event)
        if answer["chosen_options"] == [THRESHOLDS]:
            who = answer["responded_by_user"]
            self.log.info("thresholds decide: %s", f"so {who['name']} chose" if who else "nobody answered in time")
            return None
        digest = answer["params_input"].get(DECISIONS) or ""
        file = _iteration(Plan.from_json(self.plan), self.iteration).answer(digest)
        if not (DIGEST.fullmatch(digest) and file.is_file()):
            raise AirflowFailException(
                f"the answer names decisions that are not there ({file}): clear this task and answer on the page Corpus"
            )
        self.log.info("%s decided: %s", answer["responded_by_user"]["name"], file)
        return str(file)


def answered(task_id: str) -> str:
    """Template of the file with a person's decisions that the task `task_id` waited for; empty for none."""
    return "{{ ti.xcom_pull(task_ids='" + task_id + "') or '' }}"


def _iteration(plan: Plan, number: int) -> Iteration:
    return Build(Path(plan.out)).iteration(number)
