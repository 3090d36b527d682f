"""A running vLLM server process, and one question to it after another, none without a deadline."""

import logging
import os
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from mathmill.errors import UserError
from mathmill.recipe_rollout import VllmRecipe
from mathmill.rollout import vllm_server

log = logging.getLogger("mathmill")

OURS = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT", "PYTHONPATH")
"""Variables of this process that would mislead the other one."""
LAST_WORDS_SECONDS = 10.0
"""How long a process that has hung up may take to end and leave its exit code."""


class VllmProcess:
    """Starts `mathmill/rollout/vllm_server.py`, whose docstring has the questions and answers."""

    def __init__(self, recipe: VllmRecipe, model: Path, *, context: int, local_rank: int) -> None:
        """Start it on the model in the folder `model`, and wait until it can draw; see `VllmEngine`.

        Raises:
            UserError: the recipe names no interpreter that has vLLM, or no GPU for this rank.
            RuntimeError: vLLM did not start.
        """
        self._seconds = recipe.seconds
        python = Path(recipe.python or "").expanduser()
        if not python.is_file():
            raise UserError(f"rollout.vllm.python: no interpreter at {recipe.python}: name that of vLLM's environment")
        environment = process_environment(os.environ, recipe.devices, local_rank)
        ours, theirs = socket.socketpair()
        # -I: nothing of this environment may get into the other one.
        command = [str(python), "-I", vllm_server.__file__, str(theirs.fileno())]
        # Its lines go to the standard error: the standard output is this program's own.
        self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=environment, stdout=2)
        theirs.close()
        self._connection = Connection(ours.detach())
        options = {
            "model": str(model),
            "dtype": recipe.dtype,
            "context": context,
            "memory": recipe.memory,
            "sleep": not recipe.devices,
        }
        answer = self.ask("start", options)
        if answer[0] == "absent":
            self.close()
            raise UserError(f"rollout.vllm.python: {python} has no vLLM: install it there (docs/vllm.md)")
        log.info("vLLM %s is ready; it %s between batches", answer[1], "sleeps" if answer[2] else "stays awake")

    def ask(self, *question: Any) -> Any:
        """Its answer.

        Raises:
            RuntimeError: it ended, or gave no answer in `recipe.seconds`; it is ended then.
        """
        began = time.monotonic()
        try:
            self._connection.send(question)
            log.info("vLLM: %s (waiting %.0f s at most)", question[0], self._seconds)
            if not self._connection.poll(self._seconds):
                self.close()
                raise RuntimeError(f"vLLM gave no answer to `{question[0]}` in {self._seconds:g} s, and was ended")
            answer = self._connection.recv()
        except (EOFError, OSError) as error:
            code = self.close(grace=LAST_WORDS_SECONDS)
            raise RuntimeError(
                f"vLLM ended with code {code} at `{question[0]}`; its own message, if it had one, is above"
            ) from error
        log.info("vLLM: %s took %.2f s", question[0], time.monotonic() - began)
        return answer

    def close(self, *, grace: float = 0.0) -> int:
        """End the process if it has not ended itself within `grace` seconds; its exit code."""
        self._connection.close()
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(timeout=grace)
        self._process.kill()
        return self._process.wait()


def process_environment(environment: Mapping[str, str], devices: Sequence[int], local_rank: int) -> dict[str, str]:
    """The process's environment: it is no rank, sees one GPU, and speaks up when something is wrong.

    Args:
        environment: of this process, a rank of a job.
        devices: the GPUs for vLLM, one for each local rank; none: the rank's own.
        local_rank: the rank's number on this machine.

    Raises:
        UserError: `devices` has none for this rank.
    """
    if devices and local_rank >= len(devices):
        raise UserError(f"rollout.vllm.devices: local rank {local_rank} has none of {list(devices)}: give one each")
    visible = environment.get("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(local_rank + 1))))
    # Where GPUs are hidden from this process (an empty list) they stay hidden.
    device = str(devices[local_rank]) if devices else visible and visible.split(",")[local_rank]
    return {
        "VLLM_LOGGING_LEVEL": "WARNING",
        **{name: value for name, value in environment.items() if name not in OURS},
        "CUDA_VISIBLE_DEVICES": device,
        # One process, so that the order in which it takes requests, and with it every rounding, is always the same.
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    }
