"""A build in figures: growth by iteration, scores with the cut, languages, domains, benchmarks."""

import json
from pathlib import Path
from typing import Any

from mathmill.corpus.layout import HISTOGRAM, Build, Iteration
from mathmill.corpus.view.builds import record_of
from mathmill.reuse.take_over import SAME

LONGEST = 50


def growth(build: Build) -> list[dict[str, Any]]:
    """Each iteration that has collected pages: its number and the figures of `select`, `domains`, `annotate`, `grow`.

    Figures of what is not finished are missing.
    """
    rows = []
    for number, one in enumerate(build.finished_iterations(), start=1):
        outputs = {"": one.collected, "domains_": one.domains, "annotations_": one.annotations, "seed_": one.seed}
        row: dict[str, Any] = {"number": number}
        for name, path in outputs.items():
            if record := record_of(path):
                row |= {f"{name}{figure}": value for figure, value in record.figures.items()}
        rows.append(row)
    return rows


def stages(build: Build) -> list[dict[str, Any]]:
    """Each finished stage: its `place` in the build, `seconds`, and why it was made or taken over.

    `taken_from` is the run that made it, None if this one did; `why` is empty where no earlier run was looked at.
    """
    rows = []
    for path in build.stages():
        if record := record_of(path):
            place = path.relative_to(build.root)
            # An output lies as deep in its run as its twin does in the run that made it.
            twin = Path(record.taken_over).parents[len(place.parts) - 1].name if record.taken_over else None
            why = SAME if twin else record.made_because
            rows.append({"place": str(place), "seconds": record.seconds, "taken_from": twin, "why": why})
    return rows


def score_histogram(iteration: Iteration) -> dict[str, Any] | None:
    """`pages` by score in equal bins of [0, 1] and the `cut`; None where an older build has none."""
    path = iteration.collected / HISTOGRAM
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def report(build: Build) -> dict[str, Any] | None:
    """The build's `report.json`; None until it is closed."""
    return json.loads(build.report.read_text(encoding="utf-8")) if build.report.is_file() else None


def benchmarks(build: Build) -> list[dict[str, Any]]:
    """Each benchmark with its `items`, `items_found` and the `pages` that hold some of it, the most first."""
    if record_of(build.decontaminated) is None:
        return []
    rows = json.loads((build.decontaminated / "report.json").read_text(encoding="utf-8"))["benchmarks"]
    return sorted(rows, key=lambda row: (-row["pages"], row["benchmark"]))


def collected_domains(iteration: Iteration) -> list[dict[str, Any]]:
    """The domains of which most pages were collected: `domain`, `pages`, `collected`, `rate`."""
    import pyarrow.parquet as pq

    if record_of(iteration.domains) is None:
        return []
    table = pq.read_table(iteration.domains / "domains", filters=[("collected", ">", 0)])
    return table.sort_by([("collected", "descending"), ("domain", "ascending")]).slice(0, LONGEST).to_pylist()
