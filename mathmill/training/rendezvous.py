"""Where the machines of a job meet: which of them this one is, and the address at which the first one listens."""

import json
import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from mathmill.errors import UserError
from mathmill.home import home
from mathmill.output import write_text

ALONE = "127.0.0.1"
WAIT_SECONDS = 300.0
"""For the first machine, which may start last."""
POLL_SECONDS = 0.2
PARTS_OF_A_NAME = ("SLURM_JOB_ID", "SLURM_STEP_ID", "SLURM_RESTART_COUNT")
"""Variables of Slurm that together name one start of a job on all its machines."""


@dataclass(frozen=True, slots=True)
class Node:
    """This machine's place among those of the job."""

    number: int
    """From 0."""
    address: str
    """Of machine 0."""
    port: int
    """Where its first rank will listen."""


def this_node(nodes: int) -> Node:
    """Settle, with the other machines of the job if `nodes` is above 1, where its ranks meet.

    The first machine writes it into the home, which all of them share.

    Raises:
        UserError: Slurm did not start this on so many machines, or the first one does not say where it is.
    """
    if nodes == 1:
        return Node(0, ALONE, _free_port(ALONE))
    started = int(os.environ.get("SLURM_NNODES", "1"))
    if started != nodes:
        raise UserError(
            f"launch.nodes is {nodes}, and this job was started on {started}: choose the launcher slurm in Airflow's"
            f" connection, or start the command with `srun --nodes={nodes} --ntasks-per-node=1`"
        )
    name = "-".join(os.environ.get(part, "0") for part in PARTS_OF_A_NAME)
    place = home() / "rendezvous" / f"{name}.json"
    number = int(os.environ["SLURM_NODEID"])
    if number == 0:
        place.parent.mkdir(parents=True, exist_ok=True)
        write_text(place, json.dumps({"address": socket.gethostname(), "port": _free_port("")}))
    _wait_for(place)
    first = json.loads(place.read_text(encoding="utf-8"))
    return Node(number, first["address"], first["port"])


def _wait_for(place: Path) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not place.is_file():
        if time.monotonic() > deadline:
            raise UserError(
                f"the job's first machine has not written {place} within {WAIT_SECONDS:.0f} s: see whether all machines"
                " share the home (MATHMILL_HOME)"
            )
        time.sleep(POLL_SECONDS)


def _free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
        return port
