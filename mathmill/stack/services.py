"""The services as processes: starting, recognising and ending them."""

import fcntl
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from mathmill.errors import UserError
from mathmill.home import home
from mathmill.launcher.local import LocalLauncher
from mathmill.launcher.processes import end_processes, in_sessions, processes_with
from mathmill.launcher.wrapper import process_start
from mathmill.output import write_text
from mathmill.stack.settings import ADDRESS, MARK, Ports, logs_folder, mlflow_database, service_environment
from mathmill.tracking.server import artifact_root

GRACE_SECONDS = 8.0
MLFLOW = "mlflow"
AIRFLOW_SERVICES = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}
"""Name of a service and the arguments of `airflow`."""


@dataclass(frozen=True, slots=True)
class Service:
    """A started service."""

    name: str
    pid: int
    """Of its keeper (mathmill.stack.keeper), which leads its session."""
    start: str
    """Tells the process from a later one with the same id."""

    def process(self) -> psutil.Process | None:
        """The service's keeper, None when it is gone."""
        if process_start(self.pid) != self.start:
            return None
        return psutil.Process(self.pid)


@dataclass(frozen=True, slots=True)
class Stack:
    """What `mathmill up` started."""

    ports: Ports
    services: list[Service]

    def missing(self) -> list[str]:
        """Names of services that do not run any more."""
        return [service.name for service in self.services if service.process() is None]


def airflow_command(*arguments: str) -> list[str]:
    """Airflow's command line, by this interpreter."""
    return [sys.executable, "-m", "airflow", *arguments]


def mlflow_command(ports: Ports) -> list[str]:
    """MLflow's server; clients write artifacts to the folder themselves."""
    store = f"sqlite:///{mlflow_database()}"
    place = ["--host", ADDRESS, "--port", str(ports.mlflow), "--workers", "1"]
    artifacts = ["--no-serve-artifacts", "--default-artifact-root", artifact_root().as_uri()]
    return [sys.executable, "-m", "mlflow", "server", *place, "--backend-store-uri", store, *artifacts]


def start_service(name: str, command: list[str], ports: Ports) -> Service:
    """Start a service that survives this process, with its log in the home; a keeper starts it again when it dies."""
    logs_folder().mkdir(parents=True, exist_ok=True)
    with (logs_folder() / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mathmill.stack.keeper", name, *command],
            env=service_environment(ports),
            cwd=home(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Service(name, process.pid, process_start(process.pid) or "")


def read_stack() -> Stack | None:
    """What the last `mathmill up` in this home started and no `mathmill down` has stopped."""
    path = _state_file()
    if not path.is_file():
        return None
    state = json.loads(path.read_text(encoding="utf-8"))
    return Stack(Ports(**state["ports"]), [Service(**service) for service in state["services"]])


def write_stack(stack: Stack) -> None:
    """Remember what runs."""
    write_text(_state_file(), json.dumps(asdict(stack), indent=2))


def stop_stack() -> int:
    """End the services of this home and all they started, jobs included; the number of processes there were.

    Airflow ends first, so that nothing new starts, and MLflow last, so that the jobs can still close their runs there.
    """
    stack = read_stack()
    services = stack.services if stack else []
    count = len(stack_processes())
    _end([service for service in services if service.name != MLFLOW])
    LocalLauncher(home() / "jobs").cancel_all()
    _end([service for service in services if service.name == MLFLOW])
    end_processes(stack_processes(), grace=GRACE_SECONDS)
    _state_file().unlink(missing_ok=True)
    return count


def stack_processes() -> list[psutil.Process]:
    """Every live process of the services and of what they started.

    The services' own are known by their session, for some overwrite their environment with a title; jobs have
    sessions of their own and are known by their environment.
    """
    stack = read_stack()
    ours = _session_members(stack.services if stack else [])
    known = {process.pid for process in ours}
    return ours + [process for process in processes_with(MARK, str(home())) if process.pid not in known]


@contextmanager
def only_one() -> Iterator[None]:
    """Keep a second `up` or `down` of this home out.

    Raises:
        UserError: one is at work already.
    """
    home().mkdir(parents=True, exist_ok=True)
    with (home() / "stack.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"another `mathmill up` or `down` is at work in {home()}: wait for it") from None
        yield


def _end(services: Sequence[Service]) -> None:
    """End `services`, which end what they started."""
    leaders = [process for service in services if (process := service.process())]
    end_processes(_session_members(services), grace=GRACE_SECONDS, leaders=leaders)


def _session_members(services: Sequence[Service]) -> list[psutil.Process]:
    """Every live process of the sessions that `services` lead, also when the leader is gone."""
    return in_sessions({one.pid for one in services if process_start(one.pid) in (one.start, None)})


def _state_file() -> Path:
    return home() / "stack.json"
