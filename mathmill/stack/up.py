"""`mathmill up`: start Airflow and MLflow on this machine."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import requests

from mathmill.errors import UserError
from mathmill.home import home
from mathmill.job import CommandParser, exit_code
from mathmill.stack.airflow_api import AirflowApi
from mathmill.stack.services import (
    AIRFLOW_SERVICES,
    MLFLOW,
    Service,
    Stack,
    airflow_command,
    mlflow_command,
    only_one,
    read_stack,
    start_service,
    stop_stack,
    write_stack,
)
from mathmill.stack.settings import (
    DAGS,
    GPU_POOL,
    Ports,
    airflow_home,
    choose_ports,
    logs_folder,
    mlflow_database,
    service_environment,
    write_airflow_configuration,
)
from mathmill.stack.status import print_status

DEADLINE_SECONDS = 180.0
POLL_SECONDS = 0.25


def start_stack(port: int | None = None) -> Stack:
    """Start what is not running and return when all services are healthy and Airflow knows the DAGs.

    Args:
        port: where Airflow must listen; any free port by default.

    Raises:
        UserError: a service does not come up; the message names its log.
    """
    with only_one():
        running = read_stack()
        if running and not running.missing() and port in (None, running.ports.airflow):
            return running
        stop_stack()
        ports = choose_ports(port)
        for folder in (airflow_home(), mlflow_database().parent):
            folder.mkdir(parents=True, exist_ok=True)
        write_airflow_configuration(ports)
        services = [start_service(MLFLOW, mlflow_command(ports), ports)]
        write_stack(Stack(ports, services))
        try:
            _migrate(ports)
            for name, arguments in AIRFLOW_SERVICES.items():
                services.append(start_service(name, airflow_command(*arguments), ports))
                write_stack(Stack(ports, services))
            _wait_until(_healthy(ports), services)
            airflow = AirflowApi.login(ports)
            airflow.make_pool(GPU_POOL, _gpus() or 1, "Trainings at the same time: a slot for each GPU")
            dags = {file.name for file in DAGS.glob("*.py")}
            _wait_until([lambda: airflow.files_read() >= dags], services)
        except BaseException:
            stop_stack()
            raise
        return Stack(ports, services)


def airflow_health(ports: Ports) -> dict[str, str]:
    """What Airflow says of each component; empty while it does not answer."""
    try:
        answer = requests.get(f"{ports.airflow_url}/api/v2/monitor/health", timeout=5)
    except requests.RequestException:
        return {}
    return {name: part["status"] for name, part in answer.json().items()} if answer.ok else {}


def answers(url: str) -> bool:
    """Whether a service answers well at `url`."""
    try:
        return requests.get(url, timeout=30).ok
    except requests.RequestException:
        return False


def _migrate(ports: Ports) -> None:
    """Bring Airflow's database to the installed version."""
    with (logs_folder() / "migrate.log").open("wb") as log:
        command = airflow_command("db", "migrate")
        done = subprocess.run(command, env=service_environment(ports), stdout=log, stderr=log, check=False)
    if done.returncode:
        raise UserError(f"Airflow's database in {airflow_home()} could not be made ready: see {log.name}")


def _gpus() -> int:
    """GPUs of this machine."""
    if shutil.which("nvidia-smi") is None:
        return 0
    listed = subprocess.run(["nvidia-smi", "--list-gpus"], capture_output=True, text=True, check=False)
    return sum(line.startswith("GPU ") for line in listed.stdout.splitlines())


def _healthy(ports: Ports) -> list[Callable[[], bool]]:
    components = ("metadatabase", "scheduler", "triggerer", "dag_processor")
    return [
        lambda: answers(f"{ports.mlflow_url}/health"),
        # Its first answer takes seconds, which would else be the first task's.
        lambda: answers(f"{ports.airflow_url}/execution/health"),
        lambda: all(airflow_health(ports).get(name) == "healthy" for name in components),
    ]


def _wait_until(checks: Sequence[Callable[[], bool]], services: Sequence[Service]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while checks:
        checks = [check for check in checks if not check()]
        for service in services:
            if service.process() is None:
                raise UserError(f"{service.name} ended by itself: see {logs_folder() / (service.name + '.log')}")
        if time.monotonic() > deadline:
            raise UserError(f"the services are not healthy after {DEADLINE_SECONDS:.0f} s: see {logs_folder()}")
        time.sleep(POLL_SECONDS)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see `--help`."""
    parser = CommandParser(prog="mathmill up", description=__doc__, allow_abbrev=False)
    parser.add_argument("--port", type=int, metavar="N", help="where Airflow listens (default: any free port)")
    arguments = parser.parse_args(argv)

    def up() -> None:
        print(f"starting Airflow and MLflow in {home()} …", file=sys.stderr)
        started = time.monotonic()
        stack = start_stack(arguments.port)
        print(f"healthy after {time.monotonic() - started:.0f} s", file=sys.stderr)
        print_status(stack)

    return exit_code(up)


if __name__ == "__main__":
    sys.exit(main())
