"""Why jobs fail, and which of them are worth another try."""

from datetime import timedelta
from enum import StrEnum

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule
from airflow.sdk.exceptions import AirflowException

from mathmill.errors import UserError

LOST_DELAY = timedelta(seconds=30)
"""For a node or a scheduler to come back."""
MEMORY_MEND = (
    "lower the stage's micro_batch or model.context in overrides, or deal out more with"
    " deepspeed.zero_optimization.stage"
)


class Cause(StrEnum):
    """What a job failed of."""

    BAD_INPUT = "bad_input"
    """The recipe or an input is wrong: it ended with exit code 2."""
    OUT_OF_MEMORY = "out_of_memory"
    """A GPU's memory did not suffice."""
    LOST = "lost"
    """Its node failed, another job took its place, or its processes were killed from outside."""
    FAILED = "failed"
    """Anything else."""


class JobFailedError(AirflowException):
    """A job ended without success."""


class BadInputError(JobFailedError):
    """A job's recipe or input is wrong; the message names the mend."""


class OutOfMemoryError(JobFailedError):
    """A job needs more memory than its GPUs have."""


class JobLostError(JobFailedError):
    """A job's processes are gone, for no fault of its own."""


def failure(cause: str, reason: str) -> JobFailedError:
    """The exception for `cause`, a `Cause`."""
    if cause == Cause.BAD_INPUT:
        return BadInputError(reason)
    if cause == Cause.OUT_OF_MEMORY:
        return OutOfMemoryError(f"{reason}: {MEMORY_MEND}")
    return JobLostError(reason) if cause == Cause.LOST else JobFailedError(reason)


RETRY_POLICY = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            [BadInputError, UserError], RetryAction.FAIL, reason="the input stays wrong, however often it is tried"
        ),
        RetryRule(OutOfMemoryError, RetryAction.FAIL, reason="the memory stays as small, however often it is tried"),
        RetryRule(JobLostError, RetryAction.RETRY, LOST_DELAY, reason="the job was lost, and goes on elsewhere"),
    ]
)
"""Of all jobs; what it does not name is tried as often as the task says."""
