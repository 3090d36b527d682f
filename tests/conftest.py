"""Every test has a home of its own; real data beside the checkout is used where it is there."""

import os
import shutil
import signal
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from hypothesis import settings

from tests.launcher.slurm_cluster import missing, slurm

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


# The same examples each time, on machines of any speed.
settings.load_profile("ci")


def pytest_configure() -> None:
    """Hear interruptions, which the background jobs of a shell ignore: tests send them to themselves and their jobs."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def empty_tracking_database(pytestconfig: pytest.Config) -> Path:
    """An MLflow database with its tables, kept between test sessions since making one takes seconds."""
    database = pytestconfig.cache.mkdir("mlflow") / f"empty-{version('mlflow')}.db"
    if not database.is_file():
        from mlflow import MlflowClient

        new = database.with_suffix(f".{os.getpid()}")
        MlflowClient(f"sqlite:///{new}").search_experiments()
        new.rename(database)
    return database


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_tracking_database: Path) -> None:
    """State, tracking and the environment of a distributed job never leak between tests."""
    home = tmp_path / "home"
    (home / "mlflow").mkdir(parents=True)
    database = home / "mlflow" / "mlflow.db"
    shutil.copyfile(empty_tracking_database, database)
    monkeypatch.setenv("MATHMILL_HOME", str(home))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{database}")
    for variable in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MATHMILL_JOB"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture(scope="session")
def slurm_configuration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The configuration file of a private Slurm cluster of two nodes."""
    if absent := missing():
        pytest.skip(f"no Slurm here ({', '.join(absent)}): Debian's slurmctld, slurmd, slurm-client and munge bring it")
    with slurm(tmp_path_factory.mktemp("slurm")) as configuration:
        yield configuration


@pytest.fixture
def shared_data() -> Path:
    """The folder of real data beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip(f"no real data at {SHARED}")
    return SHARED


@pytest.fixture(scope="session")
def bubblewrap() -> None:
    """Programs can be confined here."""
    if shutil.which("bwrap") is None:
        pytest.skip("no bwrap on the path: install bubblewrap to test the sandbox")
