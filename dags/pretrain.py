"""Continue pretraining on a corpus build.

Runs whenever `corpus_refresh` has published a corpus, and by hand with the one named in the form. Makes the base model
of the recipe and starts `instruct`. Source: DeepSeekMath, section 2.3.
"""

from airflow.sdk import chain

from operators.assets import after
from operators.job import DeepSpeedJobOperator
from operators.mill_dag import mill_dag
from operators.plan import RUN_OUT, planned_input
from operators.prepare import PrepareOperator
from operators.publish import PublishOperator

FIELDS = {
    "Length": [
        "pretrain.total_tokens",
        "pretrain.batch_tokens",
        "pretrain.micro_batch",
        "pretrain.attention",
    ],
    "Optimiser": [
        "pretrain.optimizer.learning_rate",
        "pretrain.optimizer.schedule",
        "pretrain.optimizer.warmup_steps",
        "pretrain.optimizer.weight_decay",
        "pretrain.optimizer.clip",
    ],
    "Divergence": ["pretrain.divergence.action", "pretrain.divergence.spike", "pretrain.divergence.skips"],
    "Checkpoints and validation": [
        "pretrain.checkpoint_steps",
        "pretrain.checkpoints_kept",
        "pretrain.validation_steps",
        "pretrain.validation_documents",
    ],
}

with mill_dag(
    "pretrain",
    doc=__doc__,
    schedule=after("corpus"),
    tags=["training", "deepspeed"],
    fields=FIELDS,
    inputs={"corpus": "The corpus build to train on"},
):
    chain(
        PrepareOperator(makes="base", needs=["corpus"]),
        DeepSpeedJobOperator(
            task_id="pretrain", stage="pretrain", out=RUN_OUT, arguments=["--input", planned_input("corpus")]
        ),
        PublishOperator(makes="base", record=RUN_OUT),
    )
