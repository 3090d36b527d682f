"""The checkpoints of a job: kept on disk, and known to MLflow as models with the figures of their step."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mathmill.job import Job
from mathmill.training.checkpoints import CHECKPOINTS, complete_checkpoints, newest_checkpoint
from mathmill.training.session import Session


def keep_checkpoint(job: Job, session: Session, step: int, state: Mapping[str, Any], *, kept: int = 1) -> None:
    """Write checkpoint `step` as `Session.save` does; every rank must call it, after the step's figures are logged."""
    _tell(job, session.save(job.out, step, state, kept=kept), step)


def restore_checkpoint(job: Job, session: Session) -> dict[str, Any] | None:
    """Go back to the newest checkpoint as `Session.restore` does; its state with `step`, None where there is none."""
    checkpoint = newest_checkpoint(job.out / CHECKPOINTS)
    state = session.restore(job.out)
    if checkpoint is not None and state is not None:
        # The try that wrote it may have been killed before it told of it.
        _tell(job, checkpoint, state["step"])
    return state


def remove_checkpoints(job: Job, session: Session) -> None:
    """Remove them once the final model stands; no rank writes after this."""
    session.close(job.out)
    job.run.log_checkpoints_removed()


def _tell(job: Job, checkpoint: Path, step: int) -> None:
    names = [f"{job.stage}-{folder.name}" for folder in complete_checkpoints(job.out / CHECKPOINTS)]
    job.run.log_checkpoint(f"{job.stage}-{checkpoint.name}", step, checkpoint, names)
