"""Train a reward model, of solutions (`outcome`) or of their steps (`process`).

Made from the instruct model's own base, on solutions that the instruct model draws. Runs whenever `instruct` has
published a model, and by hand with the one named in the form. Starts `reinforce`. Source: DeepSeekMath, section 4.2.
"""

from airflow.sdk import chain

from operators.assets import after
from operators.job import DeepSpeedJobOperator
from operators.mill_dag import mill_dag
from operators.plan import RUN_OUT, planned_input
from operators.prepare import PrepareOperator
from operators.publish import PublishOperator

FIELDS = {
    "Model": ["reward.kind", "reward.loss", "reward.labels"],
    "Solutions": [
        "reward.samples",
        "reward.completions",
        "reward.sampling.temperature",
        "reward.sampling.max_new_tokens",
        "reward.held_out",
    ],
    "Training": [
        "reward.epochs",
        "reward.batch",
        "reward.micro_batch",
        "reward.optimizer.learning_rate",
        "reward.optimizer.weight_decay",
        "reward.checkpoint_steps",
    ],
}

with mill_dag(
    "reward",
    doc=__doc__,
    schedule=after("instruct"),
    tags=["training", "deepspeed"],
    inputs={"instruct": "The model whose solutions it learns to judge"},
    fields=FIELDS,
):
    chain(
        PrepareOperator(makes="reward", needs=["instruct"]),
        DeepSpeedJobOperator(
            task_id="reward",
            stage="reward",
            out=RUN_OUT,
            arguments=["--model", planned_input("instruct")],
        ),
        PublishOperator(makes="reward", record=RUN_OUT),
    )
