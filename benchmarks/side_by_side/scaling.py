"""Two cores against one."""

import statistics
from collections.abc import Sequence

from side_by_side.cost import in_turns
from side_by_side.entries import Entry
from side_by_side.inputs import Inputs
from side_by_side.scoring import ingest_and_score
from side_by_side.usage import Usage, busyness


def scaling(inputs: Inputs, runs: int) -> list[Entry]:
    """Wall time of WARC to scored pages with one core and with two: of the larger input, and what is more in it."""
    once, several = inputs.warcs
    one, one_more, two, two_more = in_turns(
        runs,
        [
            lambda: ingest_and_score(inputs, once, cores=1),
            lambda: ingest_and_score(inputs, several, cores=1),
            lambda: ingest_and_score(inputs, once, cores=2),
            lambda: ingest_and_score(inputs, several, cores=2),
        ],
    )
    whole = (_wall(one_more), _wall(two_more))
    return [
        _speedup("start-up included", whole, runs),
        _speedup("without start-up", (whole[0] - _wall(one), whole[1] - _wall(two)), runs),
    ]


def _wall(usages: Sequence[Usage]) -> float:
    return statistics.median(usage.wall_seconds for usage in usages)


def _speedup(what: str, seconds: tuple[float, float], runs: int) -> Entry:
    one, two = seconds
    return Entry(
        f"WARC to scored pages, 2 cores against 1, {what}",
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
