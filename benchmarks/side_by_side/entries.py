"""What a benchmark found, in the form of docs/benchmarks and as a table."""

import json
import os
import platform
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from side_by_side.usage import busyness

PLACES = {"--data", "--work", "--peer-python", "--json"}
"""Options that name a place."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One comparison; `docs/benchmarks/*.json` holds lists of them."""

    name: str
    ours: float
    peer: float
    peer_version: str
    unit: str
    goal: float
    runs: int
    busy: str
    """What else the machine had to do."""
    ratio: float
    """Higher is better for us."""
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        """The entry with the machine and the command."""
        machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
        return {**asdict(self), "machine": machine, "command": _command(sys.argv)}


def asked_for(name: str, ours: float, figure: float, unit: str, *, ratio: float, runs: int, note: str) -> Entry:
    """What was found beside a figure that the project has set."""
    return Entry(
        name,
        ours=ours,
        peer=figure,
        peer_version="the figure asked for",
        unit=unit,
        ratio=ratio,
        goal=1.0,
        runs=runs,
        busy=busyness(),
        note=note,
    )


def _command(arguments: Sequence[str]) -> str:
    """The command, but for where things lie on this machine."""
    kept: list[str] = []
    words = iter(arguments)
    for word in words:
        if word in PLACES:
            next(words)
        else:
            kept.append(word)
    return f"python {shlex.join(kept)}"


def table(entries: Sequence[Entry]) -> str:
    """A line for each entry: what was found and whether its goal is met."""
    lines = [f"{'':70} {'ours':>9} {'other':>9} {'ratio':>7} {'goal':>5}"]
    for one in entries:
        verdict = "met" if one.ratio >= one.goal else "MISSED"
        lines.append(f"{one.name:70} {one.ours:9.1f} {one.peer:9.1f} {one.ratio:7.2f} {one.goal:5.1f} {verdict}")
    return "\n".join(lines)


def bring_up_to_date(path: Path, entries: Sequence[Entry]) -> None:
    """Put `entries` into the list in the file `path`, in the place of earlier ones of the same names."""
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    by_name = {entry["name"]: entry for entry in known} | {entry.name: entry.as_json() for entry in entries}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(list(by_name.values()), indent=2) + "\n", encoding="utf-8")
