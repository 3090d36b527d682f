"""Which launcher a connection stands for."""

import json
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowNotFoundException

from mathmill.errors import UserError
from mathmill.home import home
from mathmill.launcher.local import LocalLauncher
from mathmill.launcher.slurm import SlurmLauncher
from operators.launcher_hook import DEFAULT_CONNECTION, LAUNCHERS, LauncherHook, LauncherSettings
from operators.provider import launcher_connection


def _connect(monkeypatch: pytest.MonkeyPatch, **extra: Any) -> LauncherHook:
    """A hook of a connection that the environment names."""
    connection = {"conn_type": "mathmill_launcher", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_CLUSTER", json.dumps(connection))
    return LauncherHook("cluster")


def test_without_a_connection_jobs_run_here_in_the_home() -> None:
    launcher = LauncherHook(DEFAULT_CONNECTION).get_conn()
    assert isinstance(launcher, LocalLauncher)
    assert launcher.root == home() / "jobs"


def test_any_other_connection_must_be_there() -> None:
    with pytest.raises(AirflowNotFoundException, match="cluster"):
        LauncherHook("cluster").get_conn()
    assert LauncherHook("cluster").test_connection() == (False, "The conn_id `cluster` isn't defined")


def test_a_connection_to_slurm(monkeypatch: pytest.MonkeyPatch) -> None:
    hook = _connect(
        monkeypatch, launcher="slurm", folder="/shared/jobs", partition="gpu", gpus=8, options="--account='a b' --nice"
    )
    launcher = hook.get_conn()
    assert isinstance(launcher, SlurmLauncher)
    assert (launcher.root, launcher.partition) == (Path("/shared/jobs"), "gpu")
    assert launcher.options == ["--account=a b", "--nice"]
    assert hook.settings().training_resources(1).gpus == 8


def test_fields_left_empty_have_their_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    hook = _connect(monkeypatch, launcher="slurm", folder=None, partition=None, gpus=None, options=None)
    assert hook.settings() == LauncherSettings("slurm")
    assert hook.get_conn().root == home() / "jobs"


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"launcher": "kubernetes"}, "launcher 'kubernetes' is none of local, slurm"),
        ({"folder": "jobs"}, "folder jobs is no absolute path"),
        ({"gpus": -1}, "gpus -1 is no number of GPUs"),
        ({"queue": "long"}, "queue is no field of a launcher"),
    ],
)
def test_a_mistake_in_a_connection_is_named(
    extra: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = _connect(monkeypatch, **extra)
    with pytest.raises(UserError, match=f"connection cluster: {message}"):
        hook.get_conn()
    assert hook.test_connection()[0] is False


def test_the_form_asks_for_all_that_the_hook_reads() -> None:
    form = launcher_connection()
    assert set(form["conn-fields"]) == set(LauncherSettings.__slots__)
    assert form["conn-fields"]["launcher"]["schema"]["enum"] == list(LAUNCHERS)
    assert form["connection-type"] == LauncherHook.conn_type
    assert form["hook-class-name"] == f"{LauncherHook.__module__}.{LauncherHook.__qualname__}"


def test_airflow_shows_the_form() -> None:
    from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService
    from airflow.providers_manager import ProvidersManager

    (form,) = [one for one in HookMetaService.hook_meta_data() if one.connection_type == "mathmill_launcher"]
    assert form.hook_name == "MathMill launcher"
    assert list(form.extra_fields) == list(LauncherSettings.__slots__)
    assert ProvidersManager().hooks["mathmill_launcher"].connection_testable


def test_a_local_connection_is_tested(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert _connect(monkeypatch, folder=str(tmp_path)).test_connection() == (
        True,
        f"jobs run on this machine, in {tmp_path}",
    )


def test_a_connection_to_slurm_is_tested(monkeypatch: pytest.MonkeyPatch, slurm_configuration: Path) -> None:
    hook = _connect(monkeypatch, launcher="slurm")
    monkeypatch.setenv("SLURM_CONF", str(slurm_configuration))
    well, said = hook.test_connection()
    assert well, said
    assert said.startswith("slurm")
    monkeypatch.setenv("PATH", "/nowhere")
    well, said = hook.test_connection()
    assert not well
    assert "not installed" in said
