"""What pages cost, apart from what a command costs before its first page."""

import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from side_by_side.entries import Entry
from side_by_side.usage import Usage, busyness


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds of a command as a straight line over pages."""

    per_page: float
    start_up: float
    """CPU seconds."""

    @classmethod
    def of(cls, few: int, small: float, many: int, large: float) -> Self:
        """Through two points: pages and CPU seconds."""
        per_page = (large - small) / (many - few)
        return cls(per_page, small - few * per_page)

    def rate(self, pages: int | None = None) -> float:
        """Pages per CPU second: of so many pages, start-up included; without it by default."""
        return 1 / self.per_page if pages is None else pages / (self.start_up + pages * self.per_page)


def median_cost(few: int, small: Sequence[Usage], many: int, large: Sequence[Usage]) -> Cost:
    """The line through the medians."""
    return Cost.of(few, median(small), many, median(large))


def median(usages: Sequence[Usage]) -> float:
    """CPU seconds."""
    return statistics.median(usage.cpu_seconds for usage in usages)


def in_turns(runs: int, commands: Sequence[Callable[[], Usage]]) -> list[list[Usage]]:
    """What each command used each time; one after another, so that what else the machine does hits them alike."""
    rounds = [[command() for command in commands] for _ in range(runs)]
    return [list(usages) for usages in zip(*rounds, strict=True)]


def pages_of(usage: Usage) -> int:
    """How many pages came out of a command that says so."""
    return int(json.loads(usage.output)["pages"])


def rate_entry(
    name: str, costs: tuple[Cost, Cost], pages: int | None, other: str, goal: float, runs: int, note: str
) -> Entry:
    """Our pages per CPU second beside another's.

    Args:
        name: what was measured.
        costs: ours and the other's.
        pages: how many are processed after a start-up that counts; without start-up if None.
        other: whom we are compared with.
        goal: least ratio.
        runs: how many there were.
        note: what else is to be known.
    """
    ours, peer = (cost.rate(pages) for cost in costs)
    return Entry(
        f"{name}, " + ("without start-up" if pages is None else f"{pages} pages with start-up") + f", beside {other}",
        ours=round(ours, 1),
        peer=round(peer, 1),
        peer_version=other,
        unit="pages/CPU-s",
        ratio=round(ours / peer, 2),
        goal=goal,
        runs=runs,
        busy=busyness(),
        note=note,
    )
