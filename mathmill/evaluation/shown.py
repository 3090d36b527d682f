"""Which rows are shown where all are too many."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

Row = TypeVar("Row")


def first_of_each(rows: Iterable[Row], group: Callable[[Row], Hashable], count: int) -> list[Row]:
    """The first `count` rows of each group, in the order of all rows."""
    seen: Counter[Hashable] = Counter()
    shown = []
    for row in rows:
        seen[group(row)] += 1
        if seen[group(row)] <= count:
            shown.append(row)
    return shown
