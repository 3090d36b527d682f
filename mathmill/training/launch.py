"""`mathmill train …`: start the ranks of a DeepSpeed job on this machine and answer for them.

With `launch.nodes` above 1 a cluster's launcher starts this command once on each machine of the job.

The modules run under `deepspeed` and `torchrun` as well, which on one machine do no more than this but import torch
first (measured 35 s and 19 s before two CPU ranks begin) and hide a job's exit code.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import IO

from mathmill.job import exit_code, output_path
from mathmill.recipe import Recipe
from mathmill.recipe_file import load_recipe
from mathmill.training.arguments import training_parser
from mathmill.training.rendezvous import Node, this_node

MODULES = {
    "pretrain": "mathmill.training.pretrain",
    "sft": "mathmill.training.sft",
    "reward": "mathmill.training.reward",
    "rl": "mathmill.reinforcement.train",
}
USER_ERROR = 2
"""Exit code after a mistake of the user, which as a rule every rank meets."""
POLL_SECONDS = 0.2
GRACE_SECONDS = 20.0
TAIL_BYTES = 4000


def distributed_command(stage: str, arguments: Sequence[str]) -> list[str]:
    """The command that runs the job `stage` (pretrain, sft, reward or rl) on all ranks of this machine."""
    return [sys.executable, "-m", "mathmill.training.launch", stage, *arguments]


def main(argv: Sequence[str] | None = None) -> int:
    """Run `train STAGE …`; the exit code is the job's."""
    stage, *arguments = sys.argv[1:] if argv is None else argv
    parsed = training_parser(stage).parse_args(arguments)

    def run() -> int:
        recipe = load_recipe(parsed.recipe, parsed.overrides)
        # Ranks that named the folder by their own clocks might not agree on it.
        named = [] if parsed.out else ["--out", str(output_path(parsed, recipe))]
        return run_ranks(MODULES[stage], [*arguments, *named], recipe)

    return exit_code(run)


def run_ranks(module: str, arguments: Sequence[str], recipe: Recipe) -> int:
    """Start every rank, wait for all, end the others when one fails.

    The output of the job's first rank is this process's; another rank's is kept and shown when that rank failed by
    itself.

    Returns:
        0, or the exit code of the rank that failed first.

    Raises:
        UserError: this is not one of `launch.nodes` machines of a job.
    """
    node = this_node(recipe.launch.nodes)
    with ExitStack() as stack:
        logs = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(recipe.launch.processes)]
        ranks: list[subprocess.Popen[bytes]] = []
        stack.callback(_end, ranks)
        for local, log in enumerate(logs):
            ranks.append(_start(module, arguments, recipe, node, local, log))
        failed = _wait(ranks)
        if failed is None:
            return 0
        code = ranks[failed].returncode
        is_told = node.number == 0 and (failed == 0 or (code == USER_ERROR and _makes_the_same(ranks[0])))
        if not is_told:
            _show(node.number * recipe.launch.processes + failed, logs[failed])
        return code if code > 0 else 128 - code


def _start(
    module: str, arguments: Sequence[str], recipe: Recipe, node: Node, local: int, log: IO[bytes]
) -> subprocess.Popen[bytes]:
    rank = node.number * recipe.launch.processes + local
    environment = os.environ | {
        "RANK": str(rank),
        "LOCAL_RANK": str(local),
        "WORLD_SIZE": str(recipe.launch.ranks),
        "LOCAL_WORLD_SIZE": str(recipe.launch.processes),
        "MASTER_ADDR": node.address,
        "MASTER_PORT": str(node.port),
        "OMP_NUM_THREADS": str(recipe.launch.threads),
        "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")]),  # noqa: PTH120
    }
    if shutil.which("nvidia-smi") is None:
        environment["DS_ACCELERATOR"] = "cpu"
    command = [sys.executable, "-m", module, *arguments]
    output = log if rank else None
    return subprocess.Popen(command, env=environment, start_new_session=True, stdout=output, stderr=output)


def _wait(ranks: Sequence[subprocess.Popen[bytes]]) -> int | None:
    """Until all ranks ended well (None) or one failed (its number)."""
    while True:
        codes = [rank.poll() for rank in ranks]
        for number, code in enumerate(codes):
            if code:
                return number
        if all(code == 0 for code in codes):
            return None
        time.sleep(POLL_SECONDS)


def _makes_the_same(first: subprocess.Popen[bytes]) -> bool:
    """Whether the first rank, whose output is this process's, ends with a mistake of the user as well."""
    try:
        return first.wait(timeout=GRACE_SECONDS) == USER_ERROR
    except subprocess.TimeoutExpired:
        return False


def _end(ranks: Sequence[subprocess.Popen[bytes]]) -> None:
    """End the process group of every rank, politely first: by SIGTERM, since what nohup starts ignores SIGINT."""
    for rank in ranks:
        if rank.poll() is None:
            os.killpg(rank.pid, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    for rank in ranks:
        try:
            rank.wait(timeout=max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(rank.pid, signal.SIGKILL)
            rank.wait()


def _show(rank: int, log: IO[bytes]) -> None:
    size = log.seek(0, os.SEEK_END)
    log.seek(max(0, size - TAIL_BYTES))
    print(f"rank {rank} failed:\n{log.read().decode(errors='replace')}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
