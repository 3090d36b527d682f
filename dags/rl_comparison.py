"""Which way of reinforcement learning helps most?

Trains the same instruct model once with each of the algorithms named in the form, one after another and all else
equal, and measures all of them and the instruct model in one evaluation. Source: DeepSeekMath, section 5.2.
"""

from airflow.sdk import Param

from operators.job import DeepSpeedJobOperator, PythonJobOperator
from operators.mill_dag import mill_dag
from operators.plan import RUN_OUT
from operators.prepare import PrepareOperator
from operators.variants import MEASURED, algorithm_variants

ALGORITHMS = Param(
    ["online_rft", "grpo"],
    type="array",
    items={"type": "string"},
    examples=["online_rft", "grpo"],
    minItems=1,
    description="Values of reinforce.algorithm to compare.",
)

with mill_dag(
    "rl_comparison",
    doc=__doc__,
    schedule=None,
    tags=["reinforcement", "comparison"],
    inputs={"instruct": "The model to improve"},
    params={"algorithms": ALGORITHMS},
):
    variants = algorithm_variants(PrepareOperator(makes="comparison", needs=["instruct"]).output)
    train = DeepSpeedJobOperator.partial(task_id="rl", stage="rl", max_active_tis_per_dagrun=1).expand_kwargs(variants)
    train >> PythonJobOperator(
        task_id="evaluate",
        module="mathmill.evaluation.evaluate",
        out=f"{RUN_OUT}/evaluation",
        arguments=variants[MEASURED],
    )
