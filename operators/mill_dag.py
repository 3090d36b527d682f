"""What all DAGs have in common."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, Param, chain

from operators.close_run import CloseRunOperator
from operators.mining import last_collected
from operators.recipe_field import Fields
from operators.run_params import run_params

RETRIES = 3
"""A worker, a node and a rank may each be lost once. What no retry mends is not tried again (operators.failures)."""
RETRY_DELAY = timedelta(seconds=5)
TASK_DEFAULTS = {"owner": "mathmill", "retries": RETRIES, "retry_delay": RETRY_DELAY}


@contextmanager
def mill_dag(
    dag_id: str,
    *,
    doc: str | None,
    schedule: Any,
    tags: Sequence[str],
    inputs: Mapping[str, str] | None = None,
    fields: Fields | None = None,
    params: Mapping[str, Param] | None = None,
) -> Iterator[DAG]:
    """A DAG with form, owner, retries and MLflow bookkeeping as every mill DAG; the block adds its tasks.

    Args:
        dag_id: its id.
        doc: the DAG file's docstring, Markdown.
        schedule: when it runs by itself.
        tags: beside `mathmill`.
        inputs: stage of an upstream output and what it is for; each is a field of the form.
        fields: keys of the recipe that are fields of the form, by heading.
        params: further fields of the form.
    """
    with DAG(
        dag_id,
        doc_md=doc,
        schedule=schedule,
        max_active_runs=1,
        is_paused_upon_creation=False,
        default_args=TASK_DEFAULTS,
        params={**(params or {}), **run_params(inputs, fields)},
        tags=["mathmill", *tags],
        user_defined_macros={"last_collected": last_collected},
    ) as dag:
        yield dag
        chain(dag.leaves, CloseRunOperator(task_id="close").as_teardown())
