"""The MLflow run that a journal is of: made by the journal's first entry, and the same for every try of a job.

The journal's folder notes the run's id, or that a run was asked for and its id is not known. So a job killed at any
moment makes no second run: what was asked for is found by the key that is among the run's tags.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from mathmill.errors import UserError
from mathmill.launcher.launcher import MlflowRun
from mathmill.output import write_text
from mathmill.tracking.entries import tell
from mathmill.tracking.journal import Entry, Journal, ServerAwayError, StartOverError
from mathmill.tracking.runs import active_run, make_run, resume_run, run_of_key
from mathmill.tracking.server import reason, shown_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

RUN = "run"
"""The kind of a journal's first entry, and of one for each later try of the job: what run there is to be."""
NOTE = "run.json"
UNKNOWN = MlflowRun("", "")
AWAY = ("INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED")
"""MLflow's error codes for a server that is not reached, or not now."""
WRONG = ("ENDPOINT_NOT_FOUND", "NOT_IMPLEMENTED", "UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED", "PERMISSION_DENIED")
"""Those for a server that is none of MLflow's, or does not let us in."""


class RunTeller:
    """Tells MLflow the entries of the journal in `folder`."""

    def __init__(self, folder: Path, client: "MlflowClient", known: Callable[[MlflowRun], None]) -> None:
        """Nothing is asked yet.

        Args:
            folder: of the journal.
            client: of the server.
            known: called with the run as soon as the server has told or confirmed it.
        """
        self._folder = folder
        self._client = client
        self._known = known
        self._confirmed = False
        self.run = _noted(folder) or UNKNOWN
        """The run; its id is empty while it is not known."""

    def tell(self, entries: Sequence[Entry]) -> None:
        """Tell entries, all of one kind.

        Raises:
            ServerAwayError: the server does not answer.
            StartOverError: it does not have the run that an earlier try had.
            UserError: it does not let us in, or is no MLflow.
        """
        first = entries[0]
        with _sorted_errors():
            if first["kind"] == RUN:
                self._begin(first)
                return
            if not self._confirmed:
                self._confirm(self._earlier())
            tell(self._client, self.run, self._folder, entries)

    def _begin(self, wanted: Entry) -> None:
        if _noted(self._folder) is None:
            found = None
        else:
            found = self._earlier() if self.run.run_id else run_of_key(self._client, wanted)
        if found is not None:
            self._confirm(found)
            resume_run(self._client, found, wanted)
            return
        self._note(UNKNOWN)
        self._note(make_run(self._client, wanted))

    def _earlier(self) -> "Run":
        """The run of the id that is noted."""
        found = active_run(self._client, self.run.run_id)
        if found is None:
            (self._folder / NOTE).unlink()
            self.run, self._confirmed = UNKNOWN, False
            raise StartOverError
        return found

    def _confirm(self, found: "Run") -> None:
        self._note(MlflowRun(found.info.run_id, found.info.experiment_id))

    def _note(self, run: MlflowRun) -> None:
        write_text(self._folder / NOTE, json.dumps(asdict(run)))
        self.run = run
        if run.run_id and not self._confirmed:
            self._confirmed = True
            self._known(run)


def open_journal(
    folder: Path, client: "MlflowClient", known: Callable[[MlflowRun], None] = lambda _: None
) -> tuple[Journal, RunTeller]:
    """The journal in `folder`, and what tells its entries by `client`; `known` is as for `RunTeller`."""
    teller = RunTeller(folder, client, known)
    return Journal(folder, teller.tell, shown_uri()), teller


def _noted(folder: Path) -> MlflowRun | None:
    note = folder / NOTE
    return MlflowRun(**json.loads(note.read_text(encoding="utf-8"))) if note.is_file() else None


@contextmanager
def _sorted_errors() -> Iterator[None]:
    """Say of an error of MLflow's whose it is: of a server that is away, of the user, or else of ours."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if error.error_code in AWAY:
            raise ServerAwayError(reason(error)) from error
        if error.error_code in WRONG:
            raise UserError(f"MLflow at {shown_uri()} refuses ({reason(error)}): see to MLFLOW_TRACKING_URI") from error
        raise
