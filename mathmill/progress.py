"""Progress of long work: a bar on a terminal, plain lines with a rate and the time left otherwise."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

log = logging.getLogger("mathmill")

Item = TypeVar("Item")
LINE_SECONDS = 5.0


def progress(items: Iterable[Item], *, total: int, unit: str, start: int = 0) -> Iterator[Item]:
    """Yield `items` and report how far the work is.

    Args:
        items: what is worked on.
        total: how many there are in all, those already done included.
        unit: what an item is, in the plural, for example `steps`.
        start: how many were done before (a resumed job).
    """
    if sys.stderr.isatty():
        yield from tqdm(items, total=total, initial=start, unit=f" {unit}", dynamic_ncols=True)
        return
    began = reported = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - reported >= LINE_SECONDS or start + done == total:
            reported = now
            rate = done / max(now - began, 1e-9)
            left = (total - start - done) / rate
            log.info("%s %d/%d, %.3g %s/s, %.0f s left", unit, start + done, total, rate, unit, left)
