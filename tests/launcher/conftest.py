"""Every launcher on which the contract is tested; a new one is added to `LAUNCHERS`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mathmill.launcher.folder import FolderLauncher
from mathmill.launcher.local import LocalLauncher
from mathmill.launcher.slurm import SlurmLauncher

GRACE = 1.0
LAUNCHERS = {"local": LocalLauncher, "slurm": SlurmLauncher}


@pytest.fixture(params=list(LAUNCHERS))
def launcher(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FolderLauncher]:
    """Each launcher in turn, with a folder of its own; its jobs end with the test."""
    if request.param == "slurm":
        monkeypatch.setenv("SLURM_CONF", str(request.getfixturevalue("slurm_configuration")))
    launcher = LAUNCHERS[request.param](tmp_path / "jobs", grace=GRACE)
    yield launcher
    launcher.cancel_all()
