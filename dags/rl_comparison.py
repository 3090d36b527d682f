"""Which way of reinforcement learning helps most?

Trains one instruct model with each method named in the form and each seed, one run after another, with equal numbers of
samples and all else equal; measures all of them and the instruct model in one evaluation, and sets them side by side in
one table and plot in MLflow (task `compare`). A reward model that a method needs and that is neither given nor in the
home is trained first. Where the recipe has no `reinforce.validation`, the curves are of its first evaluation task.
Source: DeepSeekMath, section 5.2, figures 5 and 6.
"""

from airflow.sdk import Param, chain

from mathmill.reinforcement.methods import FIGURE_5, METHODS
from mathmill.stack.settings import GPU_POOL
from operators.job import DeepSpeedJobOperator, PythonJobOperator
from operators.methods import COMPARED, method_runs, missing_rewards
from operators.mill_dag import mill_dag
from operators.plan import RUN_OUT
from operators.prepare import PrepareOperator
from operators.variants import MEASURED

PARAMS = {
    "methods": Param(
        list(FIGURE_5),
        type=["array", "null"],
        items={"type": "string", "enum": list(METHODS)},
        examples=list(METHODS),
        uniqueItems=True,
        description="Methods to compare (docs/comparison.md): data source, reward and coefficient.",
    ),
    "seeds": Param(
        [0, 1, 2],
        type="array",
        items={"type": "integer", "minimum": 0},
        minItems=1,
        uniqueItems=True,
        description="Each method runs once with each: other questions and samples, the same first model.",
    ),
    "outcome_reward": Param(
        None,
        type=["string", "null"],
        description="Reward model of whole solutions: a path. Left empty: the recipe's newest, or one trained first.",
    ),
    "process_reward": Param(
        None,
        type=["string", "null"],
        description="Reward model of steps: a path. Left empty: the recipe's newest, or one trained first.",
    ),
    "variants": Param(
        None,
        type=["object", "null"],
        additionalProperties={"type": "object"},
        description="Changes of the recipe to compare with the methods, by a name, for example"
        ' {"clip-higher": {"reinforce.clip_high": 0.28}}. They must leave the number of samples as it is.',
    ),
}

FIELDS = {
    "Budget of each method": [
        "reinforce.steps",
        "reinforce.questions_per_step",
        "reinforce.group",
        "reinforce.resamples",
    ],
    "Evaluation": ["evaluation.samples", "evaluation.sampling.temperature"],
}

with mill_dag(
    "rl_comparison",
    doc=__doc__,
    schedule=None,
    tags=["reinforcement", "comparison"],
    fields=FIELDS,
    inputs={"instruct": "The model to improve"},
    params=PARAMS,
):
    plan = PrepareOperator(makes="comparison", needs=["instruct"]).output
    runs = method_runs(plan)
    chain(
        DeepSpeedJobOperator.partial(
            task_id="reward", stage="reward", pool=GPU_POOL, max_active_tis_per_dagrun=1
        ).expand_kwargs(missing_rewards(plan)),
        runs,
        DeepSpeedJobOperator.partial(
            task_id="rl", stage="rl", pool=GPU_POOL, max_active_tis_per_dagrun=1
        ).expand_kwargs(runs),
        PythonJobOperator(
            task_id="evaluate",
            module="mathmill.evaluation.evaluate",
            out=f"{RUN_OUT}/evaluation",
            arguments=runs[MEASURED],
        ),
        PythonJobOperator(
            task_id="compare",
            module="mathmill.evaluation.compare",
            out=f"{RUN_OUT}/comparison",
            arguments=runs[COMPARED],
            options={"evaluation": f"{RUN_OUT}/evaluation"},
        ),
    )
