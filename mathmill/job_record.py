"""What a finished output says of the job that made it."""

import json
from dataclasses import dataclass
from pathlib import Path

from mathmill.reuse.fingerprint import Fingerprint

RECORD = "job.json"


@dataclass(frozen=True, slots=True)
class JobRecord:
    """The content of `job.json`."""

    stage: str
    recipe: str
    recipe_digest: str
    arguments: dict[str, str]
    figures: dict[str, float | int | str]
    seconds: float
    mlflow_run_id: str
    """Empty where MLflow did not answer from the job's beginning to its end; `mathmill deliver` tells it then."""
    mlflow_experiment_id: str
    finished: str
    fingerprint: Fingerprint | None = None
    """What the output hangs on; None of a stage that does not say."""
    taken_over: str | None = None
    """The earlier output that it is, with the same files; None if the job made it."""
    made_because: str = ""
    """Why no earlier output was taken over; empty where none was asked for."""

    @classmethod
    def read(cls, directory: Path) -> "JobRecord":
        """The record of the finished output `directory`."""
        values = json.loads((directory / RECORD).read_text(encoding="utf-8"))
        if values.get("fingerprint"):
            values["fingerprint"] = Fingerprint(**values["fingerprint"])
        return cls(**values)
