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

with mill_dag(
    "pretrain",
    doc=__doc__,
    schedule=after("corpus"),
    tags=["training", "deepspeed"],
    inputs={"corpus": "The corpus build to train on"},
):
    chain(
        PrepareOperator(makes="base", needs=["corpus"]),
        DeepSpeedJobOperator(
            task_id="pretrain", stage="pretrain", out=RUN_OUT, arguments=["--input", planned_input("corpus")]
        ),
        PublishOperator(makes="base", record=RUN_OUT),
    )
