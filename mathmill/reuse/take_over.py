"""Finding the earlier output that a stage would make again, and taking it over."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from mathmill.job_record import RECORD, JobRecord
from mathmill.linked_parts import link_or_copy
from mathmill.output import SUCCESS, is_finished
from mathmill.reuse.fingerprint import Fingerprint
from mathmill.tracking.task_run import JOURNALS

FIRST = "no earlier run has made it"
SAME = "code, settings and inputs are the same"


@dataclass(frozen=True, slots=True)
class Earlier:
    """What earlier runs have of an output."""

    twin: Path | None
    """The same output; None where there is none."""
    why: str
    """In words: why this one was found, or none; empty where nobody looked."""

    def __str__(self) -> str:
        return f"taken over from {self.twin}: {self.why}" if self.twin else f"made: {self.why}"


NOT_ASKED = Earlier(None, "")


def find_earlier(runs: Path, out: Path, wanted: Fingerprint) -> Earlier:
    """Look for a finished output with the fingerprint `wanted` among those of earlier runs, the newest first.

    Args:
        runs: folder of runs; outputs lie in a run's folder, or one deeper.
        out: where this run's will stand; for the reason, the newest one at the same place in its run is compared.
        wanted: its fingerprint.
    """
    records = [path for depth in ("*/*", "*/*/*") for path in runs.glob(f"{depth}/{RECORD}")]
    others = [path.parent for path in sorted(records, key=_time, reverse=True) if is_finished(path.parent)]
    why = FIRST
    for folder in others:
        record, place = JobRecord.read(folder), folder.relative_to(runs).parts[1:]
        if record.stage != wanted.stage or record.fingerprint is None:
            continue
        if record.fingerprint == wanted:
            return Earlier(folder, SAME)
        if why == FIRST and out.parts[-len(place) :] == place:
            why = f"since {folder.relative_to(runs)}: {wanted.differences(record.fingerprint)}"
    return Earlier(None, why)


def take_over(twin: Path, partial: Path) -> None:
    """Give the files of the output `twin` second names in the folder `partial`, all but what tells of its job."""
    apart = (RECORD, SUCCESS, JOURNALS)

    def without(folder: str, names: list[str]) -> list[str]:
        return [name for name in names if Path(folder) == twin and name in apart]

    def link(source: str, target: str) -> None:
        link_or_copy(Path(source), Path(target))

    shutil.copytree(twin, partial, symlinks=True, ignore=without, copy_function=link, dirs_exist_ok=True)


def _time(record: Path) -> int:
    return record.stat().st_mtime_ns
