"""A private Slurm of two nodes on this machine, with its own keys, configuration and ports."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "srun")
NODES = ("n1", "n2")
START_SECONDS = 180.0
CONFIGURATION = """
ClusterName=private
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=1
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
GresTypes=gpu
ReturnToService=2
SlurmdParameters=config_overrides
SlurmdTimeout=10
MinJobAge=300
KillWait=5
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[0]} CPUs=8 Gres=gpu:2
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=8 Gres=gpu:2
PartitionName=main Nodes=n1,n2 Default=YES OverSubscribe=FORCE:8 MaxTime=INFINITE State=UP
"""


def missing() -> list[str]:
    """The programs that are not installed."""
    return [program for program in PROGRAMS if shutil.which(program, path=_path()) is None]


@contextmanager
def slurm(folder: Path) -> Iterator[Path]:
    """Start a cluster whose files lie in `folder`, yield its configuration file, end it."""
    host = socket.gethostname().partition(".")[0]
    for name in ("state", "spool-n1", "spool-n2"):
        (folder / name).mkdir()
    configuration = folder / "slurm.conf"
    user = "root" if os.geteuid() == 0 else os.environ["USER"]
    controller_port, *ports = _free_ports(3)
    configuration.write_text(
        CONFIGURATION.format(host=host, folder=folder, user=user, controller_port=controller_port, ports=ports)
    )
    # Any device will do for a GPU that nobody uses.
    devices = [f"NodeName=n[1-2] Name=gpu File=/dev/{name}\n" for name in ("null", "zero")]
    (folder / "gres.conf").write_text("".join(devices))
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    munge = ["munged", "--foreground", "--force", f"--key-file={key}", f"--socket={folder}/munge.socket"]
    munge += [f"--pid-file={folder}/munged.pid", f"--seed-file={folder}/munge.seed", f"--log-file={folder}/munged.log"]
    with ExitStack() as stack:
        stack.callback(_kill_what_works_in, folder)
        stack.enter_context(_daemon(folder, *munge))
        _wait((folder / "munge.socket").exists)
        stack.enter_context(_daemon(folder, "slurmctld", "-D", "-f", str(configuration)))
        for node in NODES:
            stack.enter_context(_daemon(folder, "slurmd", "-D", "-f", str(configuration), "-N", node))
        _wait(lambda: _idle_nodes(configuration) == len(NODES))
        yield configuration


@contextmanager
def _daemon(folder: Path, *command: str) -> Iterator[None]:
    with (folder / "daemons.log").open("ab") as log:
        environment = {**os.environ, "PATH": _path(), "SLURM_CONF": str(folder / "slurm.conf")}
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            cwd=folder,
            start_new_session=True,
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _kill_what_works_in(folder: Path) -> None:
    """Kill the steps that the daemons left: they stay in the daemons' folder, and go by other names."""
    for process in psutil.process_iter(["cwd"]):
        if process.info["cwd"] is not None and Path(process.info["cwd"]).is_relative_to(folder):
            with suppress(psutil.NoSuchProcess):
                process.kill()


def _idle_nodes(configuration: Path) -> int:
    command = ["sinfo", "--noheader", "--Node", "--format=%t"]
    done = subprocess.run(
        command, env={**os.environ, "SLURM_CONF": str(configuration)}, capture_output=True, text=True, check=False
    )
    return done.stdout.split().count("idle")


def _wait(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not true():
        assert time.monotonic() < deadline, "the private Slurm does not come up"
        time.sleep(0.1)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _path() -> str:
    return f"{os.environ['PATH']}:/usr/sbin:/sbin"
