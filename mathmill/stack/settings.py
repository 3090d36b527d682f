"""Settings of the embedded Airflow and MLflow; everything they write stays in the home folder."""

import configparser
import json
import os
import random
import secrets
import socket
from base64 import urlsafe_b64encode
from dataclasses import asdict, dataclass
from pathlib import Path

from mathmill.errors import UserError
from mathmill.home import CHECKOUT, home
from mathmill.output import write_text

ADDRESS = "127.0.0.1"
USER = "admin"
MARK = "MATHMILL_STACK"
"""Environment variable by which every process of the services is known; its value is the home folder."""
GPU_POOL = "gpu"
"""Airflow's pool that limits how many jobs use GPUs at the same time."""
DAGS = CHECKOUT / "dags"
PORTS = range(20_000, 32_000)
"""Below the ports that Linux gives to outgoing connections."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the services listen, on this machine only."""

    airflow: int
    mlflow: int

    @property
    def airflow_url(self) -> str:
        """Airflow's pages and API."""
        return f"http://{ADDRESS}:{self.airflow}"

    @property
    def mlflow_url(self) -> str:
        """MLflow's pages and API."""
        return f"http://{ADDRESS}:{self.mlflow}"


def airflow_home() -> Path:
    """`AIRFLOW_HOME` of the embedded Airflow."""
    return home() / "airflow"


def mlflow_database() -> Path:
    """MLflow's database, the same that jobs use without a server."""
    return home() / "mlflow" / "mlflow.db"


def logs_folder() -> Path:
    """One log a service."""
    return home() / "logs"


def password() -> str:
    """Airflow's password for the user `admin`, made on first use."""
    path = airflow_home() / "passwords.json"
    if not path.is_file():
        _write_private(path, json.dumps({USER: secrets.token_urlsafe(12)}))
    text: str = json.loads(path.read_text(encoding="utf-8"))[USER]
    return text


def choose_ports(airflow: int | None) -> Ports:
    """Last time's ports where they are free, else others; they are remembered.

    Args:
        airflow: a port that Airflow must have.

    Raises:
        UserError: it is taken.
    """
    path = home() / "ports.json"
    last = Ports(**json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None
    if airflow is not None and not _is_free(airflow):
        raise UserError(f"--port {airflow}: another program listens there: choose another, or leave the option out")
    ports = Ports(
        airflow=airflow or _free_port(last.airflow if last else None),
        mlflow=_free_port(last.mlflow if last else None, taken=airflow),
    )
    write_text(path, json.dumps(asdict(ports)))
    return ports


def service_environment(ports: Ports) -> dict[str, str]:
    """The environment of every service, and so of the jobs that Airflow submits."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "MLFLOW"))}
    return kept | {
        "MATHMILL_HOME": str(home()),
        MARK: str(home()),
        "AIRFLOW_HOME": str(airflow_home()),
        "MLFLOW_TRACKING_URI": ports.mlflow_url,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "PYTHONUNBUFFERED": "1",
    }


def write_airflow_configuration(ports: Ports) -> None:
    """Write `airflow.cfg`, readable by the owner only; keys made once are kept."""
    path = airflow_home() / "airflow.cfg"
    password()
    settings = _airflow_settings(ports) | _airflow_keys()
    parser = configparser.ConfigParser(interpolation=None)
    for place, value in settings.items():
        section, key = place.split(".")
        if not parser.has_section(section):
            parser.add_section(section)
        parser.set(section, key, value)
    _write_private(path, "")
    with path.open("w", encoding="utf-8") as file:
        parser.write(file)


def _airflow_settings(ports: Ports) -> dict[str, str]:
    bundle = {
        "name": "mathmill",
        "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
        "kwargs": {"path": str(DAGS), "refresh_interval": 10},
    }
    return {
        "core.dags_folder": str(DAGS),
        "core.plugins_folder": str(CHECKOUT / "plugins"),
        "core.load_examples": "False",
        "core.executor": "operators.executor.WatchedLocalExecutor",
        "core.parallelism": "4",
        "core.simple_auth_manager_users": f"{USER}:admin",
        "core.simple_auth_manager_passwords_file": str(airflow_home() / "passwords.json"),
        "core.execution_api_server_url": f"{ports.airflow_url}/execution/",
        # SQLite waits five seconds for another writer, too few on a busy machine: the API then answers 500.
        "database.sql_alchemy_conn": f"sqlite:///{airflow_home()}/airflow.db?timeout=30",
        "api.host": ADDRESS,
        "api.port": str(ports.airflow),
        "api.base_url": ports.airflow_url,
        "api.workers": "1",
        "scheduler.scheduler_idle_sleep_time": "0.25",
        # A worker, or a scheduler with all its workers, that was killed is missed after a minute, not after five.
        "scheduler.task_instance_heartbeat_timeout": "60",
        "scheduler.orphaned_tasks_check_interval": "30",
        # A changed file is parsed at once whatever this interval, which is for DAGs that depend on something else.
        "dag_processor.min_file_process_interval": "600",
        "dag_processor.dag_bundle_config_list": json.dumps([bundle]),
        "logging.base_log_folder": str(airflow_home() / "logs"),
    }


def _airflow_keys() -> dict[str, str]:
    path = airflow_home() / "keys.json"
    if not path.is_file():
        keys = {
            "core.fernet_key": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "api.secret_key": secrets.token_hex(32),
            "api_auth.jwt_secret": secrets.token_hex(32),
        }
        _write_private(path, json.dumps(keys))
    known: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return known


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text, encoding="utf-8")


def _free_port(wanted: int | None, taken: int | None = None) -> int:
    if wanted is not None and wanted != taken and _is_free(wanted):
        return wanted
    while True:
        port = random.choice(PORTS)  # noqa: S311
        if port != taken and _is_free(port):
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError:
            return False
    return True
