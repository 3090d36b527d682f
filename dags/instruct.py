"""Tune a base model on solved questions.

Runs whenever `pretrain` has published a base model, and by hand with the one named in the form. Makes the recipe's
instruct model and starts `reward`. Source: DeepSeekMath, section 3.
"""

from airflow.sdk import chain

from operators.assets import after
from operators.job import DeepSpeedJobOperator
from operators.mill_dag import mill_dag
from operators.plan import RUN_OUT, planned_input
from operators.prepare import PrepareOperator
from operators.publish import PublishOperator

FIELDS = {
    "Length": ["instruct.steps", "instruct.batch", "instruct.micro_batch"],
    "Examples": ["instruct.loss_on", "instruct.attention"],
    "Optimiser": [
        "instruct.optimizer.learning_rate",
        "instruct.optimizer.schedule",
        "instruct.optimizer.warmup_steps",
        "instruct.optimizer.weight_decay",
        "instruct.optimizer.clip",
    ],
    "Checkpoints": ["instruct.checkpoint_steps"],
}

with mill_dag(
    "instruct",
    doc=__doc__,
    schedule=after("base"),
    tags=["training", "deepspeed"],
    fields=FIELDS,
    inputs={"base": "The model to tune"},
):
    chain(
        PrepareOperator(makes="instruct", needs=["base"]),
        DeepSpeedJobOperator(task_id="sft", stage="sft", out=RUN_OUT, arguments=["--model", planned_input("base")]),
        PublishOperator(makes="instruct", record=RUN_OUT),
    )
