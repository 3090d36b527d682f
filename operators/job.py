"""Operators that submit a job and wait for it without holding a worker.

`execute` hands the job to the launcher and defers; a trigger follows the job's log and, when the job succeeded, ends
the task without a worker. Only a failed job wakes the task up again, to say why.
"""

import os
import re
import sys
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from typing_extensions import override

from mathmill.home import home
from mathmill.launcher.launcher import JobSpec
from mathmill.launcher.local import LocalLauncher
from mathmill.recipe import Recipe
from mathmill.tracking import tracking_uri
from operators.link import MlflowRunLink
from operators.plan import PLAN, Plan, override_arguments
from operators.trigger import JobTrigger

USER_ERROR = 2
"""Exit code of a job whose input is wrong: trying again cannot help."""

Command = tuple[list[str], dict[str, str]]
"""Argument vector and environment."""


def jobs_folder() -> Path:
    """Where the launcher keeps the jobs of this home."""
    return home() / "jobs"


class JobOperator(BaseOperator):
    """Run one job of the plan.

    Args:
        out: the job's output directory, a template; None for a job that makes none, which is given the recipe's
            name but no overrides.
        arguments: the job's further arguments; templates.
        options: further options by name; templates. Those that come out empty are left out.
        changes: keys of the recipe that this task changes beyond the plan's overrides.
        plan: template of the plan.
    """

    template_fields: Sequence[str] = ("out", "arguments", "options", "changes", "plan")
    operator_extra_links = (MlflowRunLink(),)

    def __init__(
        self,
        *,
        out: str | None,
        arguments: Sequence[str] = (),
        options: Mapping[str, str] | None = None,
        changes: dict[str, Any] | None = None,
        plan: str = PLAN,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.out = out
        self.arguments = arguments
        self.options = options or {}
        self.changes = changes or {}
        self.plan = plan
        self.key: str | None = None

    def command(self, recipe: Recipe, arguments: list[str]) -> Command:
        """What starts the job with `arguments`."""
        raise NotImplementedError

    def job_arguments(self, plan: Plan) -> list[str]:
        """Every argument of the job."""
        options = [word for name, value in self.options.items() if value for word in (f"--{name}", value)]
        if self.out is None:
            return ["--recipe", plan.recipe, *self.arguments, *options]
        overrides = override_arguments({**plan.overrides, **self.changes})
        changed = [word for setting in overrides for word in ("--set", setting)]
        return ["--recipe", plan.recipe, *changed, "--out", self.out, *self.arguments, *options]

    @override
    def execute(self, context: Context) -> None:
        plan = Plan.from_json(self.plan)
        recipe = plan.load()
        command, environment = self.command(recipe, self.job_arguments(plan))
        launcher = LocalLauncher(jobs_folder())
        key = self.key = job_key(context)
        for earlier in range(generation(context)):
            launcher.cancel(job_key(context, earlier))
        if launcher.find(key) is not None:
            self.log.info("job %s was submitted before: going on with it if it runs", key)
        launcher.submit(JobSpec(command, {**environment, **job_environment(context)}), key)
        self.log.info("job %s: %s", key, " ".join(command))
        self.defer(trigger=JobTrigger(str(launcher.root), key, self.out), method_name="resume")

    def resume(self, _context: Context, event: dict[str, Any]) -> None:
        """Say why the job failed: for good when its input was wrong, so that it is tried again otherwise."""
        if event["exit_code"] == USER_ERROR:
            raise AirflowFailException(event["reason"])
        raise AirflowException(event["reason"])

    @override
    def on_kill(self) -> None:
        if self.key is not None:
            LocalLauncher(jobs_folder()).cancel(self.key)


class SparkJobOperator(JobOperator):
    """Submit a module with `spark-submit`, with the recipe's Spark settings.

    Args:
        module: the job's module.
    """

    ui_color = "#fdebd3"

    def __init__(self, *, module: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.module = module

    @override
    def command(self, recipe: Recipe, arguments: list[str]) -> Command:
        from mathmill.corpus.session import spark_command

        return spark_command(self.module, recipe, arguments)


class DeepSpeedJobOperator(JobOperator):
    """Start a training stage on the recipe's number of ranks.

    Args:
        stage: pretrain, sft, reward or rl.
    """

    ui_color = "#e3dcf5"

    def __init__(self, *, stage: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stage = stage

    @override
    def command(self, recipe: Recipe, arguments: list[str]) -> Command:
        from mathmill.training.launch import distributed_command

        return distributed_command(self.stage, arguments), {}


class PythonJobOperator(JobOperator):
    """Run a module in one process.

    Args:
        module: the job's module.
    """

    ui_color = "#dcebf5"

    def __init__(self, *, module: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.module = module

    @override
    def command(self, recipe: Recipe, arguments: list[str]) -> Command:
        return [sys.executable, "-m", self.module, *arguments], {}


def generation(context: Context) -> int:
    """How often the task was cleared: every clear adds to `max_tries`, a retry does not."""
    return context["ti"].max_tries - context["task"].retries


def job_key(context: Context, of_generation: int | None = None) -> str:
    """The launcher's key: the same for every try of a task, another one after a clear."""
    ti = context["ti"]
    number = generation(context) if of_generation is None else of_generation
    names = [ti.dag_id, ti.task_id, ti.run_id, str(ti.map_index), str(number)]
    digest = sha256("\0".join(names).encode()).hexdigest()[:16]
    return f"{re.sub(r'[^A-Za-z0-9_]+', '-', f'{ti.dag_id}-{ti.task_id}')[:120]}-{digest}"


def job_environment(context: Context) -> dict[str, str]:
    """What tells a job its home, its tracking server and whom it works for."""
    ti = context["ti"]
    return {
        "MATHMILL_HOME": str(home()),
        "MLFLOW_TRACKING_URI": tracking_uri(),
        "AIRFLOW_CTX_DAG_ID": ti.dag_id,
        "AIRFLOW_CTX_DAG_RUN_ID": ti.run_id,
        "AIRFLOW_CTX_TASK_ID": ti.task_id,
        "AIRFLOW_CTX_MAP_INDEX": str(ti.map_index),
        "AIRFLOW_CTX_TRY_NUMBER": str(ti.try_number),
        "PYTHONUNBUFFERED": os.environ.get("PYTHONUNBUFFERED", "1"),
    }
