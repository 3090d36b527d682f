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

FIELDS = {
    "Method": [
        "reinforce.preset",
        "reinforce.algorithm",
        "reinforce.data",
        "reinforce.supervision",
        "reinforce.order",
    ],
    "Length": [
        "reinforce.steps",
        "reinforce.questions_per_step",
        "reinforce.group",
        "reinforce.updates",
        "reinforce.iterations",
        "reinforce.resamples",
        "reinforce.lag",
        "reinforce.micro_batch",
    ],
    "Objective": [
        "reinforce.kl_coefficient",
        "reinforce.clip",
        "reinforce.clip_high",
        "reinforce.advantage",
        "reinforce.aggregation",
        "reinforce.importance_cap",
    ],
    "Completions": [
        "reinforce.sampling.temperature",
        "reinforce.sampling.top_p",
        "reinforce.sampling.max_new_tokens",
    ],
    "Optimiser": [
        "reinforce.optimizer.learning_rate",
        "reinforce.optimizer.warmup_steps",
        "reinforce.optimizer.weight_decay",
        "reinforce.optimizer.clip",
    ],
    "Checkpoints": ["reinforce.checkpoint_steps"],
}

with mill_dag(
    "reinforce",
    doc=__doc__,
    schedule=after("reward"),
    tags=["reinforcement", "deepspeed"],
    fields=FIELDS,
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
