"""When corpus mining ends."""

from collections.abc import Callable
from pathlib import Path

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException

from mathmill.corpus.layout import Build
from mathmill.job_record import JobRecord
from operators.plan import PREPARE, Plan


def stop_after(number: int) -> Callable[[Context], None]:
    """A `pre_execute` that skips its task, and so all that follows, when iteration `number` was the last.

    It was when the recipe has no more iterations, or when so much of what it collected had been collected before that
    mining has converged (the paper's criterion, section 2.1).
    """

    def skip_when_done(context: Context) -> None:
        plan = Plan(**context["ti"].xcom_pull(task_ids=PREPARE))
        corpus = plan.load().corpus
        if number >= corpus.iterations:
            raise AirflowSkipException(f"iteration {number} is the last of the recipe's {corpus.iterations}")
        figures = JobRecord.read(Build(Path(plan.out)).iteration(number).collected).figures
        share = float(figures["already_collected_share"])
        if share >= corpus.converged_share:
            raise AirflowSkipException(f"{share:.1%} of what iteration {number} collected was collected before")

    return skip_when_done


def last_collected(out: str) -> str:
    """The table that the last iteration of the corpus build `out` collected; a macro for templates."""
    return str(Build(Path(out)).finished_iterations()[-1].collected)


LAST_COLLECTED = "{{ last_collected(ti.xcom_pull(task_ids='" + PREPARE + "').out) }}"
