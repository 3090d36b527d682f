"""Where jobs run: an Airflow connection of type `mathmill_launcher`."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException
from typing_extensions import override

from mathmill.errors import UserError
from mathmill.home import home
from mathmill.launcher.folder import FolderLauncher
from mathmill.launcher.launcher import Resources, SchedulerUnreachableError
from mathmill.launcher.local import LocalLauncher
from mathmill.launcher.slurm import SlurmLauncher
from operators.connection_fields import check_fields

DEFAULT_CONNECTION = "mathmill_launcher_default"
LAUNCHERS = ("local", "slurm")


@dataclass(frozen=True, slots=True)
class LauncherSettings:
    """What the connection's form holds."""

    launcher: str = "local"
    """One of `LAUNCHERS`."""
    folder: str = ""
    """Of the jobs; empty: `jobs` in the home."""
    partition: str = ""
    """Of Slurm; empty: its default."""
    gpus: int = 0
    """That a training job asks Slurm for on each node."""
    options: str = ""
    """Further options of `sbatch`, as in a shell."""

    @classmethod
    def read(cls, connection_id: str, extra: dict[str, Any]) -> Self:
        """The settings in a connection's extra.

        Raises:
            UserError: they make no launcher.
        """
        place = f"connection {connection_id}"
        check_fields(cls, place, extra, "a launcher")
        settings = cls(**{name: value for name, value in extra.items() if value is not None})
        if settings.launcher not in LAUNCHERS:
            raise UserError(f"{place}: launcher {settings.launcher!r} is none of {', '.join(LAUNCHERS)}")
        if settings.folder and not Path(settings.folder).is_absolute():
            raise UserError(f"{place}: folder {settings.folder} is no absolute path")
        if not isinstance(settings.gpus, int) or settings.gpus < 0:
            raise UserError(f"{place}: gpus {settings.gpus!r} is no number of GPUs")
        return settings

    def make(self) -> FolderLauncher:
        """The launcher itself."""
        root = Path(self.folder) if self.folder else home() / "jobs"
        if self.launcher == "slurm":
            return SlurmLauncher(root, partition=self.partition, options=shlex.split(self.options))
        return LocalLauncher(root)

    def training_resources(self, nodes: int) -> Resources:
        """What a training job on `nodes` machines is given."""
        return Resources(nodes=nodes, gpus=self.gpus if self.launcher == "slurm" else 0)


class LauncherHook(BaseHook):
    """Makes the launcher that a connection names.

    Args:
        connection_id: of a connection of type `mathmill_launcher`. Where the default one is not there, jobs run on
            this machine, in the home.
    """

    conn_name_attr = "launcher_conn_id"
    default_conn_name = DEFAULT_CONNECTION
    conn_type = "mathmill_launcher"
    hook_name = "MathMill launcher"

    def __init__(self, connection_id: str = DEFAULT_CONNECTION) -> None:
        super().__init__()
        self.connection_id = connection_id

    def settings(self) -> LauncherSettings:
        """What the connection says.

        Raises:
            UserError: it makes no launcher.
            AirflowNotFoundException: there is none of that name, and it is not the default.
        """
        try:
            connection = self.get_connection(self.connection_id)
        except AirflowNotFoundException:
            if self.connection_id != DEFAULT_CONNECTION:
                raise
            return LauncherSettings()
        return LauncherSettings.read(self.connection_id, connection.extra_dejson)

    @override
    def get_conn(self) -> FolderLauncher:
        return self.settings().make()

    def test_connection(self) -> tuple[bool, str]:
        """Whether jobs could be submitted, and why or why not."""
        try:
            launcher = self.get_conn()
            launcher.root.mkdir(parents=True, exist_ok=True)
            if isinstance(launcher, SlurmLauncher):
                return True, f"{launcher.version()} answers; jobs lie in {launcher.root}"
        except (UserError, OSError, SchedulerUnreachableError, AirflowNotFoundException) as error:
            return False, str(error)
        return True, f"jobs run on this machine, in {launcher.root}"
