"""The end of a build: its report, made from the records of its stages."""

import json
from pathlib import Path

from mathmill.corpus.layout import Build
from mathmill.errors import UserError
from mathmill.job import JobRecord
from mathmill.output import SUCCESS, is_finished, write_text


def close(layout: Build) -> None:
    """Write `report.json` and `_SUCCESS`, and make `corpus` point to the final table.

    Raises:
        UserError: a stage is missing.
    """
    stages = [layout.ingested, layout.unique, layout.decontaminated, layout.tokens]
    if missing := [path for path in stages if not is_finished(path)]:
        raise UserError(f"{missing[0]} is not finished: run `mathmill corpus build` again")
    report = {
        **{path.name: _record(path) for path in stages},
        "iterations": [
            {path.name: _record(path) for path in sorted(one.root.iterdir()) if is_finished(path)}
            for one in layout.finished_iterations()
        ],
    }
    final = layout.root / "corpus"
    if not final.is_symlink():
        final.symlink_to(layout.corpus.relative_to(layout.root))
    write_text(layout.report, json.dumps(report, indent=2))
    (layout.root / SUCCESS).touch()


def _record(path: Path) -> dict[str, object]:
    record = JobRecord.read(path)
    return {**record.figures, "seconds": record.seconds}
