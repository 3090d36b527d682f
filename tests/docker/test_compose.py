"""The containers' settings, checked against the installed Airflow and MLflow; no engine runs here."""

import configparser
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from mathmill.home import CHECKOUT
from mathmill.stack.services import AIRFLOW_SERVICES
from mathmill.stack.settings import Ports, airflow_home, write_airflow_configuration

DOCKER = CHECKOUT / "docker"
COMPOSE = yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
AIRFLOW = ("init", *AIRFLOW_SERVICES)
VARIABLE = re.compile(r"\$\{(\w+)(:\?[^}]+)?\}")

OWN_TO_CONTAINERS = {
    "core.execution_api_server_url",
    "database.sql_alchemy_conn",
    "database.sql_alchemy_conn_async",
    "api.host",
    "api.port",
    "api.base_url",
    "core.fernet_key",
    "api.secret_key",
    "api_auth.jwt_secret",
}
"""Settings that say where services are found or are secrets; all others are the embedded stack's."""


def _settings(service: str) -> dict[str, str]:
    """The Airflow settings of a service by `section.key`."""
    environment = SERVICES[service]["environment"]
    names = {
        name: name.removeprefix("AIRFLOW__").split("__", 1) for name in environment if name.startswith("AIRFLOW__")
    }
    return {f"{section}.{key}".lower(): environment[name] for name, (section, key) in names.items()}


def _embedded() -> dict[str, str]:
    write_airflow_configuration(Ports(airflow=8080, mlflow=5000))
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(airflow_home() / "airflow.cfg")
    return {f"{section}.{key}": value for section in parser.sections() for key, value in parser[section].items()}


def _help(*command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command, "--help"], capture_output=True, text=True, check=True, timeout=600
    )
    return done.stdout


def test_the_services_are_those_of_the_embedded_stack_with_postgres() -> None:
    assert set(SERVICES) == {"postgres", "mlflow", *AIRFLOW}
    for name, arguments in AIRFLOW_SERVICES.items():
        assert SERVICES[name]["command"] == ["airflow", *arguments]


def test_the_airflow_settings_are_the_embedded_ones_but_for_places_and_secrets() -> None:
    paths = {str(CHECKOUT): "/mathmill", str(airflow_home()): "/state/airflow"}
    embedded = _embedded()
    for name in AIRFLOW:
        settings = _settings(name)
        assert settings.keys() - {"database.sql_alchemy_conn_async"} == embedded.keys()
        for place in settings.keys() - OWN_TO_CONTAINERS:
            expected = embedded[place]
            for here, there in sorted(paths.items(), key=lambda one: -len(one[0])):
                expected = expected.replace(here, there)
            if place.endswith("config_list"):
                assert json.loads(settings[place]) == json.loads(expected)
            else:
                assert settings[place] == expected, place


def test_every_airflow_setting_is_one_that_airflow_has() -> None:
    from airflow import config_templates

    (folder,) = config_templates.__path__
    known = yaml.safe_load((Path(folder) / "config.yml").read_text(encoding="utf-8"))
    for place in _settings("scheduler"):
        section, key = place.split(".", 1)
        assert key in known[section]["options"], place


def test_every_option_of_mlflows_server_is_one_that_it_has() -> None:
    _, command, *words = SERVICES["mlflow"]["command"]
    text = _help("mlflow", command)
    assert [word for word in words if not re.search(rf"{word.split('=')[0]}\b", text)] == []


def test_every_airflow_job_type_that_is_checked_exists() -> None:
    text = _help("airflow", "jobs", "check")
    for name in ("scheduler", "dag-processor", "triggerer"):
        _, program, *words = SERVICES[name]["healthcheck"]["test"]
        assert (program, *words[:2]) == ("airflow", "jobs", "check")
        assert words[-1] == "--local"
        assert words[2].removeprefix("--job-type=") in text


def test_every_lasting_service_has_a_health_check_and_starts_again() -> None:
    for name in SERVICES.keys() - {"init"}:
        assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"
        assert SERVICES[name]["restart"] == "unless-stopped"
    assert SERVICES["init"]["restart"] == "no"


def test_a_service_waits_for_services_that_there_are() -> None:
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            assert other in SERVICES
            if how["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[other], (name, other)


def test_ports_are_published_on_loopback_only() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published == ["127.0.0.1:5000:5000", "127.0.0.1:8080:8080"]
    assert not any("network_mode" in service or service.get("privileged") for service in SERVICES.values())


def test_the_mlflow_server_answers_to_its_name_and_to_loopback() -> None:
    from mlflow.server.security_utils import is_allowed_host_header

    (option,) = [word for word in SERVICES["mlflow"]["command"] if word.startswith("--allowed-hosts=")]
    hosts = option.partition("=")[2].split(",")
    for uri in (SERVICES["scheduler"]["environment"]["MLFLOW_TRACKING_URI"], "http://127.0.0.1:5000"):
        assert is_allowed_host_header(hosts, uri.removeprefix("http://"))
    assert not is_allowed_host_header(hosts, "evil.example:5000")


def test_secrets_come_from_the_environment_and_have_no_default() -> None:
    text = (DOCKER / "compose.yaml").read_text(encoding="utf-8")
    example = (DOCKER / ".env.example").read_text(encoding="utf-8")
    offered = dict(line.split("=", 1) for line in example.splitlines() if line and not line.startswith("#"))
    assert set(offered.values()) == {""}
    assert {name for name, _ in VARIABLE.findall(text)} == offered.keys()
    assert {name for name, guard in VARIABLE.findall(text) if guard} == offered.keys()
    secret = re.compile(r"password$|secret|_key$|conn|store_uri", re.IGNORECASE)
    for service in SERVICES.values():
        for name, value in service["environment"].items():
            assert not secret.search(name) or VARIABLE.search(value), name


def test_one_volume_holds_the_state_and_triggers_see_the_jobs() -> None:
    named = {volume.split(":")[0] for service in SERVICES.values() for volume in service["volumes"]}
    assert {name for name in named if not name.startswith(".")} == COMPOSE["volumes"].keys()
    assert all((DOCKER / name).is_file() for name in named if name.startswith("."))
    for name in ("mlflow", *AIRFLOW):
        assert "state:/state" in SERVICES[name]["volumes"]
    assert SERVICES["triggerer"]["pid"] == "service:scheduler"


def test_the_image_is_made_by_the_set_up_script_and_is_not_root() -> None:
    lines = (DOCKER / "Dockerfile").read_text(encoding="utf-8").splitlines()
    assert any(line.startswith("RUN scripts/setup.sh") for line in lines)
    assert [line for line in lines if line.startswith("USER ")] == ["USER 10001"]
    assert any(line.startswith("HEALTHCHECK ") for line in lines)
    ignored = (DOCKER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    needed = [line[1:] for line in ignored if line.startswith("!")]
    assert ignored[1] == "*"
    assert {"mathmill", "operators", "dags", "recipes", "requirements.lock", "pyproject.toml", "README.md"} < set(
        needed
    )
    words = [
        word
        for one in SERVICES.values()
        for word in [*one.get("command", []), *one.get("healthcheck", {}).get("test", [])]
    ]
    assert {word for word in words if word.startswith("docker/")} <= set(needed)
