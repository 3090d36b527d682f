"""Airflow's API server with the plugin, and clients of different roles."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient

from mathmill.corpus.layout import Build
from mathmill.home import CHECKOUT, home
from tests.plugins.written_build import write_waiting_build

Client = Callable[..., TestClient]
PREFIX = "/air"


@pytest.fixture(scope="module")
def airflow_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """The server's application as Airflow makes it, with our plugins folder and a database of its own."""
    folder = tmp_path_factory.mktemp("airflow")
    settings = {
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(CHECKOUT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "ann:op,uma:user,vic:viewer",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(folder / "passwords.json"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder}/airflow.db",
        "AIRFLOW__API_AUTH__JWT_SECRET": "x" * 64,
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        patch.syspath_prepend(str(CHECKOUT / "plugins"))
        from airflow import plugins_manager
        from airflow import settings as airflow_settings
        from airflow.api_fastapi.app import create_app, purge_cached_app
        from airflow.models import import_all_models
        from airflow.models.base import Base

        patch.setattr(airflow_settings, "PLUGINS_FOLDER", settings["AIRFLOW__CORE__PLUGINS_FOLDER"])
        plugins_manager._get_plugins.cache_clear()  # noqa: SLF001
        plugins_manager.get_fastapi_plugins.cache_clear()
        airflow_settings.configure_vars()
        airflow_settings.dispose_orm()
        airflow_settings.configure_orm()
        import_all_models()

        Base.metadata.create_all(airflow_settings.engine)
        purge_cached_app()
        assert not plugins_manager.get_import_errors()
        yield create_app(apps="core")
        purge_cached_app()
        airflow_settings.dispose_orm()


@pytest.fixture(scope="module")
def server(airflow_app: FastAPI) -> Iterator[str]:
    """Address of the server on this machine, which it serves below a prefix."""

    async def below_prefix(scope: Any, receive: Any, send: Any) -> None:
        await airflow_app({**scope, "root_path": PREFIX}, receive, send)

    running = uvicorn.Server(uvicorn.Config(below_prefix, host="127.0.0.1", port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=asyncio.run, args=[running.serve()], daemon=True)
    thread.start()
    while not running.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{running.servers[0].sockets[0].getsockname()[1]}{PREFIX}"
    running.should_exit = True
    thread.join()


@pytest.fixture
def client(airflow_app: FastAPI) -> Client:
    """A client of a user with a role, or of nobody."""

    def of(user: str = "", role: str = "", **arguments: Any) -> TestClient:
        from airflow.api_fastapi.app import get_auth_manager
        from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

        headers = {}
        if user:
            token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username=user, role=role))
            headers["Authorization"] = f"Bearer {token}"
        return TestClient(airflow_app, headers=headers, follow_redirects=False, **arguments)

    return of


@pytest.fixture
def waiting(_own_home: None) -> Build:
    """A build that waits for a person."""
    return write_waiting_build(home())
