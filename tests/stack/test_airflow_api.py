"""The client against a server that answers as Airflow does."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from mathmill.errors import UserError
from mathmill.stack.airflow_api import AirflowApi, DagRun

SOURCE = DagRun("pretrain", "first", "success")


@contextmanager
def _serving(answers: Mapping[str, Any], told: list[Any] | None = None) -> Iterator[AirflowApi]:
    """A client of a server that gives these bodies by path, or one after another, and 404 for every other path.

    What a client changes is added to `told`.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = answers.get(self.path.removeprefix("/api/v2").partition("?")[0])
            self._answer(next(body) if isinstance(body, Iterator) else body)

        def do_PATCH(self) -> None:
            assert told is not None
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self._answer({})

        def _answer(self, body: Any) -> None:
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps({"detail": "not there"} if body is None else body).encode())

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield AirflowApi(f"http://127.0.0.1:{server.server_port}", "token")
    finally:
        server.shutdown()
        server.server_close()


def _runs(*runs: tuple[str, str]) -> dict[str, Any]:
    return {"dag_runs": [{"dag_id": "instruct", "dag_run_id": name, "state": state} for name, state in runs]}


def _events(dag_id: str, run_id: str) -> dict[str, Any]:
    return {"asset_events": [{"source_dag_id": dag_id, "source_run_id": run_id}]}


def test_the_run_that_a_source_started_is_found_among_others() -> None:
    answers = {
        "/dags/instruct/dagRuns": _runs(("other", "running"), ("ours", "running")),
        "/dags/instruct/dagRuns/other/upstreamAssetEvents": _events("pretrain", "second"),
        "/dags/instruct/dagRuns/ours/upstreamAssetEvents": _events("pretrain", "first"),
    }
    with _serving(answers) as airflow:
        assert airflow.run_started_by("instruct", SOURCE) == DagRun("instruct", "ours", "running")


def test_a_queued_run_is_not_asked_for_its_events() -> None:
    with _serving({"/dags/instruct/dagRuns": _runs(("ours", "queued"))}) as airflow:
        assert airflow.run_started_by("instruct", SOURCE) is None


def test_what_a_task_returned() -> None:
    path = f"{SOURCE.path}/taskInstances/train/xcomEntries/return_value"
    with _serving({path: {"value": '{"loss": 2.5}'}}) as airflow:
        assert airflow.result(SOURCE, "train") == {"loss": 2.5}
        assert airflow.result(SOURCE, "publish") is None


@pytest.mark.parametrize(("states", "patches"), [(["running", "success"], 2), (["running", "failed"], 1)])
def test_a_run_to_be_stopped_ends_as_failed(states: list[str], patches: int) -> None:
    """With a teardown task Airflow lets it go on, and forgets what it was told."""
    told: list[Any] = []
    answers = {SOURCE.path: ({"dag_id": "pretrain", "dag_run_id": "first", "state": state} for state in states)}
    with _serving(answers, told) as airflow:
        airflow.fail(SOURCE)
    assert told == [{"state": "failed"}] * patches


def test_a_refusal_is_one_line_with_the_reason() -> None:
    with _serving({}) as airflow, pytest.raises(UserError, match=r"404 .*/dags/pretrain/dagRuns/first: not there"):
        airflow.refresh(SOURCE)


def test_a_server_that_is_not_there_is_one_line() -> None:
    with _serving({}) as airflow:
        url = airflow.url
    with pytest.raises(UserError, match="does not answer"):
        AirflowApi(url, "token").refresh(SOURCE)
