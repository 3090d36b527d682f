"""The embedded Airflow's REST API, as far as running DAGs and watching them goes."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import requests

from mathmill.errors import UserError
from mathmill.stack.settings import USER, Ports, password

TIMEOUT_SECONDS = 60.0
PAGE = 100
POLL_SECONDS = 0.5
TEARDOWN_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class DagRun:
    """A run of a DAG."""

    dag_id: str
    run_id: str
    state: str
    """queued, running, success or failed."""

    @property
    def path(self) -> str:
        """Of the run in the API, and in the pages below `/dags`."""
        return f"/dags/{self.dag_id}/dagRuns/{self.run_id}"

    @property
    def finished(self) -> bool:
        """Whether nothing of it will run any more."""
        return self.state in ("success", "failed")


@dataclass(frozen=True, slots=True)
class TaskInstance:
    """A task of a run."""

    task_id: str
    state: str
    """For example running, deferred, success, failed, skipped, upstream_failed; empty when it is not scheduled yet."""
    seconds: float
    """Since it started, or from start to end."""
    tries: int


class AirflowApi:
    """A logged-in client."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"

    @classmethod
    def login(cls, ports: Ports) -> Self:
        """A client of the services of this home."""
        answer = requests.post(
            f"{ports.airflow_url}/auth/token", json={"username": USER, "password": password()}, timeout=TIMEOUT_SECONDS
        )
        if not answer.ok:
            raise UserError(f"Airflow at {ports.airflow_url} refuses the login of its own password file: {answer.text}")
        return cls(ports.airflow_url, answer.json()["access_token"])

    def run_url(self, run: DagRun) -> str:
        """The run's page."""
        return f"{self.url}/dags/{run.dag_id}/runs/{run.run_id}"

    def pause(self, dag_id: str, *, paused: bool) -> bool:
        """Pause a DAG or let it run; whether it was paused before."""
        before: bool = self._call("GET", f"/dags/{dag_id}")["is_paused"]
        if before != paused:
            self._call("PATCH", f"/dags/{dag_id}", {"is_paused": paused})
        return before

    def files_read(self) -> set[str]:
        """Names of the DAG files that Airflow has read, the broken ones too."""
        whole = self._call("GET", f"/dags?limit={PAGE}")["dags"]
        broken = self._call("GET", f"/importErrors?limit={PAGE}")["import_errors"]
        return {Path(one["fileloc"]).name for one in whole} | {Path(one["filename"]).name for one in broken}

    def make_pool(self, name: str, slots: int, description: str) -> None:
        """Make a pool that counts deferred tasks too; one that is there stays as it is."""
        body = {"name": name, "slots": slots, "description": description, "include_deferred": True}
        answer = self._request("POST", "/pools", body)
        if answer.status_code != requests.codes.conflict:
            self._value(answer)

    def trigger(self, dag_id: str, params: Mapping[str, Any]) -> DagRun:
        """Start a run with `params` as if its form had been filled in."""
        return _dag_run(self._call("POST", f"/dags/{dag_id}/dagRuns", {"logical_date": None, "conf": dict(params)}))

    def refresh(self, run: DagRun) -> DagRun:
        """The run as it is now."""
        return _dag_run(self._call("GET", run.path))

    def run_started_by(self, dag_id: str, source: DagRun) -> DagRun | None:
        """The newest run of `dag_id` that an asset event of the run `source` started; None before it runs."""
        found = self._call("GET", f"/dags/{dag_id}/dagRuns?order_by=-run_after&limit=10")["dag_runs"]
        for run in map(_dag_run, found):
            # Airflow 3.3 breaks off its answer about the events of a run that has not started.
            if run.state == "queued":
                continue
            events = self._call("GET", f"{run.path}/upstreamAssetEvents")["asset_events"]
            if any((e["source_dag_id"], e["source_run_id"]) == (source.dag_id, source.run_id) for e in events):
                return run
        return None

    def tasks(self, run: DagRun) -> list[TaskInstance]:
        """The run's tasks, mapped ones apart."""
        found = self._call("GET", f"{run.path}/taskInstances?limit={PAGE}")["task_instances"]
        return [
            TaskInstance(one["task_id"], one["state"] or "", one["duration"] or 0.0, one["try_number"]) for one in found
        ]

    def result(self, run: DagRun, task_id: str) -> Any:
        """What a task returned; None when it returned nothing."""
        path = f"{run.path}/taskInstances/{task_id}/xcomEntries/return_value?stringify=false"
        answer = self._request("GET", path)
        if answer.status_code == requests.codes.not_found:
            return None
        value = self._value(answer)["value"]
        # What a trigger returned for its task comes as JSON text.
        return json.loads(value) if isinstance(value, str) and value.startswith("{") else value

    def log(self, run: DagRun, task: TaskInstance) -> list[str]:
        """The messages of the task's last try."""
        content = self._call("GET", f"{run.path}/taskInstances/{task.task_id}/logs/{task.tries}")["content"]
        return [str(line["event"]) for line in content if isinstance(line, dict)]

    def fail(self, run: DagRun) -> None:
        """Stop a run and its jobs; its teardown tasks are waited for, but at most `TEARDOWN_SECONDS`."""
        self._call("PATCH", run.path, {"state": "failed"})
        deadline = time.monotonic() + TEARDOWN_SECONDS
        while not (now := self.refresh(run)).finished and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        if now.state == "success":
            # Airflow lets a run with a teardown task go on, and forgets that it was to fail (its issue 57061).
            self._call("PATCH", run.path, {"state": "failed"})

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return self._value(self._request(method, path, body))

    def _request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> requests.Response:
        headers = {"Accept": "application/json"}
        try:
            return self._session.request(
                method, f"{self.url}/api/v2{path}", json=body, headers=headers, timeout=TIMEOUT_SECONDS
            )
        except requests.RequestException as error:
            raise UserError(
                f"Airflow at {self.url} does not answer ({type(error).__name__}): see `mathmill status`"
            ) from None

    @staticmethod
    def _value(answer: requests.Response) -> Any:
        if not answer.ok:
            raise UserError(f"Airflow answers {answer.status_code} to {answer.url}: {_detail(answer)}")
        return answer.json()


def _dag_run(answer: Mapping[str, Any]) -> DagRun:
    return DagRun(answer["dag_id"], answer["dag_run_id"], answer["state"])


def _detail(answer: requests.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (json.JSONDecodeError, KeyError, TypeError):
        return answer.text[:200]
