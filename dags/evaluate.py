"""Measure accuracy on held-out questions, and promote.

Runs whenever `reinforce` has published a model: measures the base, instruct and rl models of that chain on the
recipe's tasks and makes those the champions of the registry that are not worse than the present ones. By hand it
measures the models named in the form.
"""

from airflow.sdk import Param, chain

from operators.assets import after
from operators.job import PythonJobOperator
from operators.mill_dag import mill_dag
from operators.plan import RUN_OUT, planned_input
from operators.prepare import PrepareOperator

MODELS = ["base", "instruct", "rl"]
PARAMS = {
    "samples": Param(
        None,
        type=["integer", "null"],
        minimum=1,
        description="Completions a question. Left empty: the recipe's evaluation.samples.",
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
            options={"samples": "{{ params.samples or '' }}", "reward": "{{ params.verifier or '' }}"},
        ),
        PythonJobOperator(
            task_id="promote",
            module="mathmill.evaluation.promote",
            out=None,
            arguments=["--evaluation", RUN_OUT],
        ),
    )
