"""Improve the instruct model by reinforcement learning.

Runs whenever `reward` has published a reward model, and by hand with the models named in the form. Makes the recipe's
rl model and starts `evaluate`. Source: DeepSeekMath, section 4.
"""

from airflow.sdk import chain

from operators.assets import after
from operators.job import DeepSpeedJobOperator
from operators.mill_dag import mill_dag
from operators.plan import RUN_OUT, planned_input
from operators.prepare import PrepareOperator
from operators.publish import PublishOperator

with mill_dag(
    "reinforce",
    doc=__doc__,
    schedule=after("reward"),
    tags=["reinforcement", "deepspeed"],
    inputs={"instruct": "The model to improve", "reward": "The reward model"},
):
    chain(
        PrepareOperator(makes="rl", needs=["instruct", "reward"]),
        DeepSpeedJobOperator(
            task_id="rl",
            stage="rl",
            out=RUN_OUT,
            arguments=["--model", planned_input("instruct"), "--reward", planned_input("reward")],
        ),
        PublishOperator(makes="rl", record=RUN_OUT),
    )
