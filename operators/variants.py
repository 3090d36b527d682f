"""The runs that a comparison is made of."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from airflow.sdk import get_current_context, task

MEASURED = "measured"
"""XCom key of the arguments of the evaluation that compares the runs."""


@task
def corpus_variants(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """One pretraining for each of the param `corpora`."""
    corpora = [Path(corpus) for corpus in get_current_context()["params"]["corpora"]]
    runs: list[dict[str, Any]] = [
        {"out": f"{plan['out']}/{number}-{corpus.name}", "arguments": ["--input", str(corpus)]}
        for number, corpus in enumerate(corpora, start=1)
    ]
    _measure([run["out"] for run in runs])
    return runs


@task
def algorithm_variants(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """One reinforcement learning run for each of the param `algorithms`; the instruct model is measured as well."""
    instruct = plan["inputs"]["instruct"]
    runs: list[dict[str, Any]] = [
        {
            "out": f"{plan['out']}/{algorithm}",
            "changes": {"reinforce.algorithm": algorithm},
            "arguments": ["--model", instruct],
        }
        for algorithm in get_current_context()["params"]["algorithms"]
    ]
    _measure([instruct, *(run["out"] for run in runs)])
    return runs


def _measure(models: Sequence[str]) -> None:
    get_current_context()["ti"].xcom_push(key=MEASURED, value=["--model", *models])
