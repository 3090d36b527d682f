"""The folder of a training job's checkpoints, as DeepSpeed writes them.

A checkpoint counts once the file `ranks` is in it, and is gone back to when the file `latest` names it.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from mathmill.output import write_text

CHECKPOINTS = "checkpoints"
LATEST = "latest"
RANKS = "ranks"
"""File of a checkpoint: how many processes wrote it."""


def new_tag(checkpoints: Path, step: int) -> str:
    """A name for a checkpoint of `step` that no folder has: the training may have come by that step before."""
    tag, again = f"step-{step}", 0
    while (checkpoints / tag).exists():
        again += 1
        tag = f"step-{step}-again-{again}"
    return tag


def complete(checkpoints: Path, tag: str, *, ranks: int, kept: int) -> None:
    """Make the checkpoint `tag`, which `ranks` processes have written, the one to go back to.

    All but the newest `kept` are removed, and what was left of one that was never completed.
    """
    write_text(checkpoints / tag / RANKS, str(ranks))
    write_text(checkpoints / LATEST, tag)
    newest = complete_checkpoints(checkpoints)[-kept:]
    for folder in checkpoints.iterdir():
        if folder.is_dir() and folder not in newest:
            shutil.rmtree(folder)


def complete_checkpoints(checkpoints: Path) -> list[Path]:
    """The folders of those that are complete, in the order in which they became so."""
    complete = [path.parent for path in checkpoints.glob(f"*/{RANKS}")]
    return sorted(complete, key=lambda folder: (folder / RANKS).stat().st_mtime_ns)


def newest_checkpoint(checkpoints: Path) -> Path | None:
    """The folder of the checkpoint to go back to; None where there is none."""
    latest = checkpoints / LATEST
    return checkpoints / latest.read_text(encoding="utf-8") if latest.is_file() else None


def checkpoint_of(checkpoints: Path, step: int) -> Path | None:
    """The folder of the newest complete checkpoint of `step`; None where there is none."""
    of_step = [
        folder
        for folder in complete_checkpoints(checkpoints)
        if folder.name == f"step-{step}" or folder.name.startswith(f"step-{step}-")
    ]
    return of_step[-1] if of_step else None


def written_by(checkpoint: Path) -> int:
    """How many processes wrote it."""
    return int((checkpoint / RANKS).read_text(encoding="utf-8"))


def universal(checkpoint: Path) -> Path:
    """Turn `checkpoint`, written with ZeRO, into one that any number of processes can load; its folder.

    Raises:
        RuntimeError: DeepSpeed's converter fails.
    """
    made = checkpoint.with_name(f"universal-{checkpoint.name}")
    shutil.rmtree(made, ignore_errors=True)
    module = "deepspeed.checkpoint.ds_to_universal"
    given = ["--input_folder", str(checkpoint), "--output_folder", str(made), "--inject_missing_state"]
    # The converter is no rank of this job.
    environment = {
        name: value for name, value in os.environ.items() if name not in ("RANK", "WORLD_SIZE", "LOCAL_RANK")
    }
    done = subprocess.run(
        [sys.executable, "-m", module, *given], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{module} failed on {checkpoint}:\n{done.stderr[-2000:]}")
    return made
