"""What a job tells MLflow: its run, as jobs see it. Where MLflow is, and which runs there are, others know.

MLflow is imported when a run starts, not with this module, so that parsing arguments stays quick.
"""

import logging
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from typing_extensions import override

from mathmill.errors import UserError
from mathmill.home import home
from mathmill.launcher.launcher import MlflowRun
from mathmill.output import write_text
from mathmill.recipe import Recipe
from mathmill.tracking.journal import METRICS, Journal
from mathmill.tracking.journal_run import RUN, RunTeller, open_journal
from mathmill.tracking.logged_models import log_output
from mathmill.tracking.model_names import MODEL_PATH, registered_name
from mathmill.tracking.runs import STAGE, wanted_run
from mathmill.tracking.server import shown_uri, tracking_client

if TYPE_CHECKING:
    from matplotlib.figure import Figure

log = logging.getLogger("mathmill")

JOURNALS = "mlflow"
"""Folder in a job's output that holds what its run is still to be told."""
START_SECONDS = 10.0
"""How long a job waits for its run before it begins without."""
RESTART_SECONDS = 600.0
"""How long the server may be away when a model is to be registered."""
END_SECONDS = 60.0
"""How long it may be away when a job ends, before that is left for later."""


class TaskRun:
    """A running MLflow run. What is logged is kept in a journal and told from there; nothing waits for the server."""

    def __init__(self, journal: Journal, teller: RunTeller) -> None:
        self._journal = journal
        self._teller = teller
        self._model_id: str | None = None

    @property
    def run_id(self) -> str:
        """The run's id; empty while the server has not told it."""
        return self._teller.run.run_id

    @property
    def experiment_id(self) -> str:
        """The id of the run's experiment; empty while the server has not told it."""
        return self._teller.run.experiment_id

    def known_id(self) -> str:
        """The run's id, waited for.

        Raises:
            UserError: the server does not answer, for longer than a restart takes.
        """
        if not self._journal.wait(RESTART_SECONDS):
            raise UserError(
                f"MLflow at {shown_uri()} has not answered for {RESTART_SECONDS / 60:.0f} minutes, so"
                " the model cannot be registered: start it with `mathmill up` and the job again, which goes on from its"
                " last checkpoint"
            )
        return self.run_id

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Log figures at a step; those of a step that an earlier try of the job has logged are left out.

        Characters that MLflow has no place for in a name, which may hold that of a model's folder, become `_`.
        """
        last = self._journal.last_steps
        new = {name: value for name, value in _named(metrics).items() if step > last.get(name, -1)}
        if new:
            self._journal.write(METRICS, values=new, step=step, time=_now())

    def log_final(self, figures: Mapping[str, float]) -> None:
        """Log what a job came to, as figures of the model too that it has registered."""
        self._journal.write(METRICS, values=_named(figures), step=0, time=_now(), model=self._model_id)

    def log_checkpoint(self, name: str, step: int, path: Path, kept: Sequence[str]) -> None:
        """Log a checkpoint as a model; the figures that were logged at its step are its own too.

        Args:
            name: of it; one told again, as after a kill, is the same.
            step: its.
            path: where it lies.
            kept: names of the checkpoints that are on disk; of all others it is said that they were removed.
        """
        self._journal.write("checkpoint", name=name, step=step, path=str(path), kept=list(kept))

    def log_checkpoints_removed(self) -> None:
        """Log that no checkpoint is on disk any more."""
        self._journal.write("checkpoints_removed")

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log settings; values longer than MLflow's limit of 6,000 characters are cut."""
        self._journal.write("params", values={name: str(value)[:6000] for name, value in params.items()})

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set tags on the run."""
        self._journal.write("tags", values=dict(tags))

    def log_input(self, name: str, *, digest: str, source: str, context: str) -> None:
        """Log a data set that the run reads.

        Args:
            name: of it.
            digest: of its content; the first 36 characters are logged, MLflow's limit.
            source: where it is.
            context: what it is for, as `training` or `evaluation`.
        """
        self._journal.write("input", name=name, digest=digest[:36], source=source, context=context)

    def log_measured(
        self,
        name: str,
        model: str,
        recipe_name: str,
        role: str,
        params: Mapping[str, Any],
        metrics: Mapping[str, float],
    ) -> None:
        """Log the figures of a model as a finished run beneath this one, and as the model's own if it is registered.

        Args:
            name: of the run; a second one of the same name takes the place of the first.
            model: the model's folder.
            recipe_name: of the recipe that it would be registered for.
            role: its.
            params: settings of the run.
            metrics: the figures.
        """
        self._journal.write(
            "measured",
            name=name,
            recipe=recipe_name,
            role=role,
            model=model,
            params={param: str(value) for param, value in params.items()},
            values=_named(metrics),
            time=_now(),
        )

    def next_step(self, prefix: str) -> int:
        """The first step that no metric of this prefix has been logged at by an earlier try."""
        return 1 + max((step for name, step in self._journal.last_steps.items() if name.startswith(prefix)), default=-1)

    def log_figure(self, figure: "Figure", name: str) -> None:
        """Log a plot as `name`, a file name ending in .png or .svg."""
        figure.savefig(self._journal.file(name))
        self._journal.write("artifact", name=name)

    def log_table(self, columns: Mapping[str, list[Any]], name: str) -> None:
        """Log a table, shown in the run's page, as `name`, a file name ending in .json."""
        import pandas as pd

        table = pd.DataFrame(dict(columns)).to_json(orient="split", index=False, date_format="iso")
        # Such a table may just be on its way.
        write_text(self._journal.file(name), table)
        self._journal.write("table", name=name)

    def log_rows(self, rows: Sequence[Mapping[str, Any]], name: str) -> None:
        """Log rows, all of the same columns, as a table; nothing without rows."""
        if rows:
            self.log_table({column: [row[column] for row in rows] for column in rows[0]}, name)

    def log_text(self, text: str, name: str) -> None:
        """Log a text file as `name`."""
        self._journal.file(name).write_text(text, encoding="utf-8")
        self._journal.write("artifact", name=name)

    def log_artifact(self, path: Path) -> None:
        """Log a file as it is."""
        shutil.copyfile(path, self._journal.file(path.name))
        self._journal.write("artifact", name=path.name)

    def register_model(self, path: Path, recipe_name: str, role: str, tags: Mapping[str, str]) -> str:
        """Register the model in the folder `path`, which stays where it is.

        Returns:
            The new version's number.

        Raises:
            UserError: the server does not answer, for longer than a restart takes.
        """
        import mlflow

        run_id = self.known_id()
        tags = {MODEL_PATH: str(path), STAGE: role, **tags}
        model = mlflow.create_external_model(
            name=role, source_run_id=run_id, tags=tags, model_type=role, experiment_id=self.experiment_id
        )
        self._model_id = model.model_id
        log_output(tracking_client(), run_id, model.model_id, step=0)
        version = mlflow.register_model(f"models:/{model.model_id}", registered_name(recipe_name, role), tags=tags)
        return str(version.version)

    def end(self, status: str) -> None:
        """Log the run's end, and wait a little until everything is told.

        Args:
            status: FINISHED, FAILED or KILLED.
        """
        try:
            self._journal.write("status", status=status, time=_now())
            if not self._journal.wait(END_SECONDS):
                log.warning(
                    "MLflow still does not answer: what it is to know of this run waits in the output folder;"
                    " `mathmill deliver` tells it later"
                )
        finally:
            self._journal.close(keep=status != "FINISHED")


class NoRun(TaskRun):
    """Stands in for the run on ranks other than the first, which log nothing."""

    def __init__(self) -> None:
        pass

    @property
    @override
    def run_id(self) -> str:
        return ""

    @property
    @override
    def experiment_id(self) -> str:
        return ""

    @override
    def known_id(self) -> str:
        return ""

    @override
    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        pass

    @override
    def log_params(self, params: Mapping[str, Any]) -> None:
        pass

    @override
    def set_tags(self, tags: Mapping[str, str]) -> None:
        pass

    @override
    def log_final(self, figures: Mapping[str, float]) -> None:
        pass

    @override
    def log_checkpoint(self, name: str, step: int, path: Path, kept: Sequence[str]) -> None:
        pass

    @override
    def log_checkpoints_removed(self) -> None:
        pass

    @override
    def log_measured(
        self,
        name: str,
        model: str,
        recipe_name: str,
        role: str,
        params: Mapping[str, Any],
        metrics: Mapping[str, float],
    ) -> None:
        pass

    @override
    def log_input(self, name: str, *, digest: str, source: str, context: str) -> None:
        pass

    @override
    def log_figure(self, figure: "Figure", name: str) -> None:
        pass

    @override
    def log_table(self, columns: Mapping[str, list[Any]], name: str) -> None:
        pass

    @override
    def log_text(self, text: str, name: str) -> None:
        pass

    @override
    def log_artifact(self, path: Path) -> None:
        pass

    @override
    def register_model(self, path: Path, recipe_name: str, role: str, tags: Mapping[str, str]) -> str:
        return ""


def new_key() -> str:
    """A name of our own for a run that is still to be made."""
    return uuid4().hex


@contextmanager
def task_run(
    recipe: Recipe,
    stage: str,
    params: Mapping[str, Any] | None = None,
    *,
    key: str | None = None,
    journals: Path | None = None,
    known: Callable[[MlflowRun], None] = lambda _: None,
) -> Iterator[TaskRun]:
    """A run that ends FINISHED, or FAILED when the block raises. Where the server is away the block runs all the same.

    Args:
        recipe: names the experiment.
        stage: names the run.
        params: settings that are logged when the run begins; those of its first try count.
        key: our own name for the run, a `new_key` by default; that of an interrupted try, to go on with its run.
        journals: folder for what the server does not know yet; the interrupted try has left some there. One of the
            home's by default.
        known: called with the run as soon as the server has told it, by another thread.

    Raises:
        UserError: the experiment is deleted, or the server no MLflow that lets us in.
    """
    key = key or new_key()
    folder = (journals or home() / "mlflow" / "journals") / key
    journal, teller = open_journal(folder, tracking_client(), known)
    run = TaskRun(journal, teller)
    status = "FAILED"
    try:
        begun = journal.write(RUN, **wanted_run(recipe, stage, key))
        if params and journal.is_new:
            run.log_params(params)
        journal.begin(begun, START_SECONDS)
        yield run
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        run.end(status)


def remove_other_journals(journals: Path, key: str) -> None:
    """Remove the journals of other runs than this one, which gave up; and their folder if none is left."""
    for folder in journals.iterdir():
        if folder.name != key:
            shutil.rmtree(folder)
    if not any(journals.iterdir()):
        journals.rmdir()


def _named(metrics: Mapping[str, float]) -> dict[str, float]:
    """The metrics, under names that MLflow takes."""
    return {re.sub(r"[^\w/.\- :]", "_", name): float(value) for name, value in metrics.items()}


def _now() -> int:
    return int(time.time() * 1000)
