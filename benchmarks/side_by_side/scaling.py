"""Two cores against one."""

from side_by_side.cost import in_turns
from side_by_side.entries import Entry
from side_by_side.inputs import Inputs
from side_by_side.scoring import ingest_and_score
from side_by_side.usage import busyness


def scaling(inputs: Inputs, runs: int) -> list[Entry]:
    """Wall time of WARC to scored pages with one core and with two."""
    _, several = inputs.warcs
    single, double = in_turns(
        runs,
        [
            lambda: ingest_and_score(inputs, several, cores=1),
            lambda: ingest_and_score(inputs, several, cores=2),
        ],
    )
    one, two = (sorted(usage.wall_seconds for usage in usages)[runs // 2] for usages in (single, double))
    speedup = Entry(
        "WARC to scored pages, 2 cores against 1, start-up included",
        ours=round(two, 1),
        peer=round(one, 1),
        peer_version="local[1]",
        unit="s",
        ratio=round(one / two, 2),
        goal=1.8,
        runs=runs,
        busy=busyness(),
        note="wall time: of worth only on a quiet machine",
    )
    return [speedup]
