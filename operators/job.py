"""Operators that submit a job and wait for it without holding a worker.

`execute` hands the job to the launcher and defers; a trigger follows the job's log and, when the job succeeded, ends
the task without a worker. Only a failed job wakes the task up again, to say why.

A retry, and a restarted worker, scheduler or triggerer, finds the job under its key and goes on with it. A clear is a
new generation with a key of its own: what the one before it still runs is ended first.
"""

import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import TaskDeferralTimeout
from typing_extensions import override

from mathmill.home import home
from mathmill.launcher.launcher import JobSpec, Launcher, Resources
from mathmill.output import partial_path
from mathmill.recipe import Recipe
from mathmill.stack.settings import GPU_POOL
from mathmill.tracking.server import tracking_uri
from operators.deadline import Deadline
from operators.failures import RETRY_POLICY, failure
from operators.launcher_hook import DEFAULT_CONNECTION, LauncherHook, LauncherSettings
from operators.link import MlflowRunLink
from operators.pages import log_page, run_page
from operators.plan import PLAN, Plan, override_arguments
from operators.trigger import JobTrigger

DAG_ID = "AIRFLOW_CTX_DAG_ID"
RUN_ID = "AIRFLOW_CTX_DAG_RUN_ID"
"""Variables by which a job knows whom it works for."""

Command = tuple[list[str], dict[str, str]]
"""Argument vector and environment."""


class JobOperator(BaseOperator):
    """Run one job of the plan.

    Args:
        out: the job's output directory, a template; None for a job that makes none, which is given the recipe's
            name but no overrides.
        arguments: the job's further arguments; templates.
        options: further options by name; templates. Those that come out empty are left out.
        changes: keys of the recipe that this task changes beyond the plan's overrides.
        plan: template of the plan.
        launcher_conn_id: connection of type `mathmill_launcher` that says where the job runs.
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
        launcher_conn_id: str = DEFAULT_CONNECTION,
        **kwargs: Any,
    ) -> None:
        # A mapped operator gives what it leaves out as None.
        super().__init__(**{**kwargs, "retry_policy": kwargs.get("retry_policy") or RETRY_POLICY})
        self.out = out
        self.arguments = arguments
        self.options = options or {}
        self.changes = changes or {}
        self.plan = plan
        self.launcher_conn_id = launcher_conn_id
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

    def job_resources(self, settings: LauncherSettings, recipe: Recipe) -> Resources:  # noqa: ARG002
        """What the job is given."""
        return Resources()

    @override
    def execute(self, context: Context) -> None:
        settings = LauncherHook(self.launcher_conn_id).settings()
        launcher = settings.make()
        key = self.key = job_key(context)
        with self._ended_on_final_failure(context):
            self._submit(context, launcher, settings)
        deadline = Deadline.of(Plan.from_json(self.plan), context)
        self.defer(
            trigger=JobTrigger(self.launcher_conn_id, key, self.out, asdict(deadline) if deadline else None),
            method_name="resume",
            timeout=self.execution_timeout,
        )

    def _submit(self, context: Context, launcher: Launcher, settings: LauncherSettings) -> None:
        key = job_key(context)
        for earlier in range(generation(context)):
            launcher.cancel(job_key(context, earlier))
        if launcher.find(key) is not None:
            self.log.info("job %s was submitted before: going on with it if it runs", key)
        elif context["params"].get("fresh") and generation(context):
            self._discard_unfinished()
        plan = Plan.from_json(self.plan)
        recipe = plan.load()
        command, environment = self.command(recipe, self.job_arguments(plan))
        resources = self.job_resources(settings, recipe)
        launcher.submit(JobSpec(command, {**environment, **job_environment(context)}, resources), key)
        self.log.info("job %s: %s", key, " ".join(command))

    def _discard_unfinished(self) -> None:
        if self.out is not None and partial_path(Path(self.out)).exists():
            self.log.info("beginning anew: removing %s", partial_path(Path(self.out)))
            shutil.rmtree(partial_path(Path(self.out)))

    def resume(self, _context: Context, event: dict[str, Any]) -> None:
        """Say why the job failed; `RETRY_POLICY` decides by the cause whether it is tried again."""
        raise failure(event["cause"], event["reason"])

    @override
    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        with self._ended_on_final_failure(context):
            return super().resume_execution(next_method, next_kwargs, context)

    @contextmanager
    def _ended_on_final_failure(self, context: Context) -> Iterator[None]:
        """When the block fails and no other try will take the job up, or it took too long, end the job."""
        try:
            yield
        except Exception as error:
            if isinstance(error, TaskDeferralTimeout) or context["ti"].try_number > context["ti"].max_tries:
                LauncherHook(self.launcher_conn_id).get_conn().cancel(job_key(context))
            raise

    @override
    def on_kill(self) -> None:
        if self.key is not None:
            LauncherHook(self.launcher_conn_id).get_conn().cancel(self.key)


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
    """Start a training stage on the recipe's number of ranks, with slots of the pool `gpu`.

    Args:
        stage: pretrain, sft, reward or rl.
        pool: of Airflow; a mapped operator must name it too, since Airflow reads it before the operator is made.
    """

    ui_color = "#e3dcf5"

    def __init__(self, *, stage: str, pool: str = GPU_POOL, **kwargs: Any) -> None:
        super().__init__(pool=pool, **kwargs)
        self.stage = stage

    @override
    def job_resources(self, settings: LauncherSettings, recipe: Recipe) -> Resources:
        return settings.training_resources(recipe.launch.nodes)

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


def launcher_connections(tasks: Iterable[Any]) -> set[str]:
    """The connections over which `tasks`, mapped ones among them, submit their jobs."""
    jobs = [task for task in tasks if issubclass(getattr(task, "operator_class", type(task)), JobOperator)]
    return {getattr(task, "partial_kwargs", vars(task)).get("launcher_conn_id", DEFAULT_CONNECTION) for task in jobs}


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
    """What tells a job its home, its tracking server, whom it works for and where that is seen."""
    ti = context["ti"]
    return {
        "MATHMILL_HOME": str(home()),
        "MLFLOW_TRACKING_URI": tracking_uri(),
        DAG_ID: ti.dag_id,
        RUN_ID: ti.run_id,
        "AIRFLOW_CTX_TASK_ID": ti.task_id,
        "AIRFLOW_CTX_MAP_INDEX": str(ti.map_index),
        "AIRFLOW_CTX_TRY_NUMBER": str(ti.try_number),
        "AIRFLOW_CTX_RUN_URL": run_page(ti.dag_id, ti.run_id),
        "AIRFLOW_CTX_LOG_URL": log_page(ti.dag_id, ti.run_id, ti.task_id, ti.map_index, ti.try_number),
        "PYTHONUNBUFFERED": os.environ.get("PYTHONUNBUFFERED", "1"),
    }
