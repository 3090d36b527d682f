"""Which corpus, how much of it, and in which mixture makes the better base model?

Pretrains one model for each corpus named in the form, cut at each number of tokens by score and changed by each variant
of the recipe, one after another and all else equal; measures all of them in one evaluation, and sets them side by side
in one table and plot in MLflow (task `compare`). Source: DeepSeekMath, sections 2.1, 2.2 and 5.1.
"""

from airflow.sdk import Param, chain

from mathmill.stack.settings import GPU_POOL
from operators.job import DeepSpeedJobOperator, PythonJobOperator
from operators.mill_dag import mill_dag
from operators.plan import RUN_OUT
from operators.prepare import PrepareOperator
from operators.variants import MEASURED, pretraining_variants

PARAMS = {
    "corpora": Param(
        None,
        type=["array", "null"],
        items={"type": "string"},
        description="Corpus builds, or folders with shards/ and tokenizer/, to compare: paths. Left empty: the recipe's"
        " newest build alone.",
    ),
    "top_tokens": Param(
        None,
        type=["array", "null"],
        items={"type": "integer", "minimum": 1},
        description="Cuts to compare: how many tokens of the highest scores to keep of each corpus. Left empty: all.",
    ),
    "variants": Param(
        None,
        type=["object", "null"],
        additionalProperties={"type": "object"},
        description="Changes of the recipe to compare, by a name, for example"
        ' {"slow": {"pretrain.optimizer.learning_rate": 1e-4}}. Left empty: the recipe as it is.',
    ),
}

FIELDS = {
    "Each pretraining": [
        "pretrain.total_tokens",
        "pretrain.batch_tokens",
        "pretrain.optimizer.learning_rate",
        "pretrain.validation_documents",
    ],
    "Evaluation": ["evaluation.samples"],
}

with mill_dag(
    "corpus_ablation",
    doc=__doc__,
    schedule=None,
    tags=["training", "comparison"],
    fields=FIELDS,
    params=PARAMS,
):
    variants = pretraining_variants(PrepareOperator(makes="comparison").output)
    chain(
        DeepSpeedJobOperator.partial(
            task_id="pretrain", stage="pretrain", pool=GPU_POOL, max_active_tis_per_dagrun=1
        ).expand_kwargs(variants),
        PythonJobOperator(
            task_id="evaluate",
            module="mathmill.evaluation.evaluate",
            out=f"{RUN_OUT}/evaluation",
            arguments=variants[MEASURED],
        ),
        PythonJobOperator(
            task_id="compare",
            module="mathmill.evaluation.compare",
            out=f"{RUN_OUT}/comparison",
            arguments=variants[MEASURED],
            options={"evaluation": f"{RUN_OUT}/evaluation"},
        ),
    )
