"""Work that is drawn once, by all ranks, in parts that outlive a killed job."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch.distributed as dist

from mathmill.output import write_text
from mathmill.progress import progress
from mathmill.training.session import rank, world_size

Row = Mapping[str, Any]


def in_parts(folder: Path, count: int, size: int, make: Callable[[range], list[Row]]) -> list[Row]:
    """The rows made of `count` items, in order, the same on every rank.

    A part is made once, by the rank whose turn it is, and kept as a file; so a job that was killed makes only the
    parts that are missing, and ends with the rows of one that was not.

    Args:
        folder: of the parts; on a file system that all ranks share.
        count: items.
        size: items a part.
        make: the rows of some items, which depend on nothing but these.
    """
    folder.mkdir(parents=True, exist_ok=True)
    items = [range(start, min(start + size, count)) for start in range(0, count, size)]
    mine = list(enumerate(items))[rank() :: world_size()]
    missing = [(number, part) for number, part in mine if not _file(folder, number).is_file()]
    for number, part in progress(missing, total=len(mine), unit="parts", start=len(mine) - len(missing)):
        rows = [json.dumps(row, ensure_ascii=False) for row in make(part)]
        write_text(_file(folder, number), "\n".join(rows))
    dist.barrier()
    files = [_file(folder, number) for number in range(len(items))]
    return [json.loads(row) for file in files for row in file.read_text(encoding="utf-8").split("\n") if row]


def _file(folder: Path, number: int) -> Path:
    return folder / f"{number:06d}.jsonl"
