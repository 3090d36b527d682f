"""Which corpus makes the better base model?

Pretrains one model on each of the corpora named in the form, one after another and all else equal, and measures all
of them in one evaluation. Source: DeepSeekMath, section 2.2.
"""

from airflow.sdk import Param

from operators.job import DeepSpeedJobOperator, PythonJobOperator
from operators.mill_dag import mill_dag
from operators.plan import RUN_OUT
from operators.prepare import PrepareOperator
from operators.variants import MEASURED, corpus_variants

CORPORA = Param(
    [],
    type="array",
    items={"type": "string"},
    description="Corpus builds, or folders with shards/ and tokenizer/, to compare: paths.",
)

with mill_dag(
    "corpus_ablation", doc=__doc__, schedule=None, tags=["training", "comparison"], params={"corpora": CORPORA}
):
    variants = corpus_variants(PrepareOperator(makes="comparison").output)
    pretrain = DeepSpeedJobOperator.partial(
        task_id="pretrain", stage="pretrain", max_active_tis_per_dagrun=1
    ).expand_kwargs(variants)
    pretrain >> PythonJobOperator(
        task_id="evaluate",
        module="mathmill.evaluation.evaluate",
        out=f"{RUN_OUT}/evaluation",
        arguments=variants[MEASURED],
    )
