"""Settings stay in the home folder, private, and apart from other homes'."""

import configparser
import socket
import stat
from pathlib import Path

import pytest

from mathmill.errors import UserError
from mathmill.stack.settings import (
    ADDRESS,
    MARK,
    Ports,
    airflow_home,
    choose_ports,
    password,
    service_environment,
    write_airflow_configuration,
)

PORTS = Ports(airflow=20_001, mlflow=20_002)


def _configuration() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(airflow_home() / "airflow.cfg")
    return parser


def test_secrets_are_readable_by_the_owner_only_and_kept() -> None:
    write_airflow_configuration(PORTS)
    first, key = password(), _configuration()["core"]["fernet_key"]
    for name in ("passwords.json", "keys.json", "airflow.cfg"):
        assert stat.S_IMODE((airflow_home() / name).stat().st_mode) == 0o600, name
    write_airflow_configuration(PORTS)
    assert (password(), _configuration()["core"]["fernet_key"]) == (first, key)


def test_two_homes_share_no_secret_and_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = []
    for name in ("one", "two"):
        monkeypatch.setenv("MATHMILL_HOME", str(tmp_path / name))
        write_airflow_configuration(PORTS)
        settings = _configuration()
        assert settings["database"]["sql_alchemy_conn"] == f"sqlite:///{tmp_path / name}/airflow/airflow.db?timeout=30"
        assert settings["logging"]["base_log_folder"].startswith(str(tmp_path / name))
        secrets.append({password(), settings["core"]["fernet_key"], settings["api_auth"]["jwt_secret"]})
    assert not secrets[0] & secrets[1]


def test_services_listen_on_loopback_only() -> None:
    write_airflow_configuration(PORTS)
    assert _configuration()["api"]["host"] == ADDRESS == "127.0.0.1"


def test_ports_are_kept_while_they_are_free() -> None:
    first = choose_ports(None)
    assert choose_ports(None) == first
    with socket.socket() as other:
        other.bind((ADDRESS, first.airflow))
        other.listen()
        second = choose_ports(None)
        assert second.airflow != first.airflow
        assert second.mlflow == first.mlflow
        with pytest.raises(UserError, match=f"--port {first.airflow}: another program listens there"):
            choose_ports(first.airflow)


def test_a_service_does_not_see_the_callers_airflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "theirs")
    monkeypatch.setenv("AIRFLOW_HOME", "/theirs")
    environment = service_environment(PORTS)
    assert "AIRFLOW__CORE__FERNET_KEY" not in environment
    assert environment["AIRFLOW_HOME"] == str(airflow_home())
    assert environment["MLFLOW_TRACKING_URI"] == "http://127.0.0.1:20002"
    assert MARK in environment
