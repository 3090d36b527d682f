"""Measure accuracy on held-out questions, and promote.

Runs whenever `reinforce` has published a model: measures the base, instruct and rl models of that chain on the
recipe's tasks and makes those the champions of the registry that are not worse than the present ones; or, with
`evaluation.promotion: person`, those that somebody chooses, who sees both models' figures side by side. By hand it
measures the models named in the form.
"""

from airflow.sdk import Param, chain

from mathmill.task_file import task_names
from operators.assets import after
from operators.job import PythonJobOperator
from operators.mill_dag import mill_dag
from operators.plan import RUN_OUT, planned_input
from operators.prepare import PrepareOperator
from operators.promoter import AskPromoterOperator, decided

MODELS = ["base", "instruct", "rl"]
FIELDS = {
    "Answers": ["evaluation.prompting", "evaluation.samples", "evaluation.at"],
    "Sampling": [
        "evaluation.sampling.temperature",
        "evaluation.sampling.top_p",
        "evaluation.sampling.max_new_tokens",
    ],
    "Speed": ["evaluation.batch", "evaluation.processes"],
    "Promotion": ["evaluation.promotion.mode", "evaluation.promotion.response_timeout"],
}
PARAMS = {
    "tasks": Param(
        None,
        type=["string", "null"],
        examples=task_names(),
        description="Tasks, with commas between them: of the recipe, of tasks/, or paths of such files. Left empty: all"
        " of the recipe's.",
    ),
    "limit": Param(
        None,
        type=["integer", "null"],
        minimum=1,
        description="Questions of each task, the first ones. Left empty: all.",
    ),
    "verifier": Param(
        None,
        type=["string", "null"],
        description="A reward model that chooses among several samples: a path. Left empty: none.",
    ),
}

with mill_dag(
    "evaluate",
    doc=__doc__,
    schedule=after("rl"),
    tags=["evaluation"],
    fields=FIELDS,
    inputs={stage: f"The {stage} model to measure" for stage in MODELS},
    params=PARAMS,
):
    chain(
        PrepareOperator(makes="evaluation", needs=MODELS),
        PythonJobOperator(
            task_id="evaluate",
            module="mathmill.evaluation.evaluate",
            out=RUN_OUT,
            arguments=["--model", *map(planned_input, MODELS)],
            options={
                "tasks": "{{ params.tasks or '' }}",
                "limit": "{{ params.limit or '' }}",
                "reward": "{{ params.verifier or '' }}",
            },
        ),
        AskPromoterOperator(evaluation=RUN_OUT, retries=3),
        PythonJobOperator(
            task_id="promote",
            module="mathmill.evaluation.promote",
            out=None,
            arguments=["--evaluation", RUN_OUT],
            options={"crown": decided("crown"), "by": decided("by")},
        ),
    )
