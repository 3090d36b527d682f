"""Train a reward model, of solutions (`outcome`) or of their steps (`process`).

Made from the instruct model's own base, on solutions that the instruct model draws. Runs whenever `instruct` has
published a model, and by hand with the one named in the form. Starts `reinforce`. Source: DeepSeekMath, section 4.2.
"""

from airflow.sdk import Param, chain

from operators.assets import after
from operators.job import DeepSpeedJobOperator
from operators.mill_dag import mill_dag
from operators.plan import RUN_OUT, planned_input
from operators.prepare import PrepareOperator
from operators.publish import PublishOperator

KIND = Param(
    None,
    type=["string", "null"],
    enum=[None, "outcome", "process"],
    description="What the model judges. Left empty: the recipe's reward.kind.",
)

with mill_dag(
    "reward",
    doc=__doc__,
    schedule=after("instruct"),
    tags=["training", "deepspeed"],
    inputs={"instruct": "The model whose solutions it learns to judge"},
    params={"kind": KIND},
):
    chain(
        PrepareOperator(makes="reward", needs=["instruct"]),
        DeepSpeedJobOperator(
            task_id="reward",
            stage="reward",
            out=RUN_OUT,
            arguments=["--model", planned_input("instruct")],
            options={"kind": "{{ params.kind or '' }}"},
        ),
        PublishOperator(makes="reward", record=RUN_OUT),
    )
