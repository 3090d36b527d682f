"""Pages a second that extraction does on one core, beside the floor: parsing and drawing plain text, nothing else.

The pages are the HTML responses of a crawl's WARC files that are 25 to 150 kB long, 56 kB on average. Rates are pages
per second of CPU time, so that they hold on a busy machine; both are measured in turns on each page, and the medians of
the rates and of their ratio are given. Prints one JSON list in the form of docs/benchmarks, and on standard error what
each part of extraction takes, from a profile scaled to the time without it.
"""

import argparse
import cProfile
import json
import platform
import pstats
import re
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastwarc.warc import ArchiveIterator, WarcRecordType
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

from mathmill.corpus.extraction import extract

CRAWL = Path(__file__).resolve().parents[2] / "shared" / "data" / "crawl_a"
LENGTHS = range(25_000, 150_000)
MOST_PAGES = 600
RUNS = 5
GOAL = 400.0
"""Pages a second, on a machine that parses and draws 991 of them."""
FLOOR = 991.0
PARTS = {
    "character set": ("to_utf8",),
    "colours of code, links": ("without_colours", "mark_links"),
    "names of classes and ids": ("selector",),
    "parsing": ("parse_from_bytes",),
    "selecting elements": ("query_selector_all", "values"),
    "scripts, configuration": ("script",),
    "MathML": ("math",),
    "images": ("image",),
    "rendered formulas": ("rendered", "container", "mathjax_container"),
    "written sources": ("written",),
    "superscripts, subscripts": ("replace_script",),
    "HeVeA displays": ("display",),
    "code": ("code",),
    "boilerplate, hidden elements": ("block", "header", "aside", "hidden"),
    "table cells": ("cell",),
    "plain text": ("_plain",),
    "delimiters": ("present", "_mark_code", "mark_delimited"),
    "lists of links": ("without_link_lists",),
    "white space": ("normalised", "with_blocks"),
    "LaTeX written, MathML and AsciiMath converted": ("write",),
}
"""Functions of extraction by what they do."""


def main(argv: Sequence[str] | None = None) -> int:
    """Time both in turns, print the medians and the parts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "crawl", type=Path, nargs="?", default=CRAWL, help="folder of WARC files (default: %(default)s)"
    )
    arguments = parser.parse_args(argv)
    pages = spread(list(responses(arguments.crawl)), MOST_PAGES)
    if not pages:
        print(f"{arguments.crawl} holds no WARC file with such pages: name a crawl's folder", file=sys.stderr)
        return 2
    rates = [rates_in_turns(pages) for _ in range(RUNS)]
    ours, floor = (statistics.median(column) for column in zip(*rates, strict=True))
    length = statistics.mean(map(len, pages)) / 1000
    entry = {
        "unit": "pages/CPU-s",
        "runs": RUNS,
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "command": "python benchmarks/extraction.py",
    }
    floor_entry = {
        "name": f"extraction of {len(pages)} pages of {length:.0f} kB against parsing and drawing them",
        "ours": round(ours, 1),
        "peer": round(floor, 1),
        "peer_version": f"resiliparse {version('resiliparse')}, parse and extract_plain_text",
        "ratio": round(statistics.median(one / other for one, other in rates), 3),
        "goal": round(GOAL / FLOOR, 3),
    }
    goal_entry = {
        "name": f"extraction of {len(pages)} pages of {length:.0f} kB",
        "ours": round(ours, 1),
        "peer": GOAL,
        "peer_version": "the goal itself",
        "ratio": round(ours / GOAL, 3),
        "goal": 1.0,
    }
    print(json.dumps([floor_entry | entry, goal_entry | entry], indent=2))
    for part, share in shares(pages).items():
        print(f"{1e6 * share / ours:8.0f} µs a page, {share:6.1%}  {part}", file=sys.stderr)
    return 0


def responses(crawl: Path) -> Iterator[bytes]:
    """The HTML pages of a crawl that are as long as the benchmark's."""
    for path in sorted(crawl.rglob("crawl-data/**/*.warc.gz")) or sorted(crawl.glob("*.warc.gz")):
        with path.open("rb") as file:
            for record in ArchiveIterator(file, record_types=WarcRecordType.response, parse_http=True):
                if (
                    record.http_headers
                    and record.http_headers.status_code == 200
                    and "html" in (record.http_content_type or "")
                ):
                    body = record.reader.read()
                    if len(body) in LENGTHS:
                        yield body


def spread(pages: list[bytes], most: int) -> list[bytes]:
    """At most so many pages, spread evenly over all."""
    return pages[:: -(-len(pages) // most) or 1]


def extracted(page: bytes) -> Any:
    """What is measured."""
    return extract(page)


def drawn(page: bytes) -> str:
    """The least that any extraction with this library does."""
    return extract_plain_text(HTMLTree.parse_from_bytes(page, "utf-8"), preserve_formatting=True, alt_texts=False)


def rates_in_turns(pages: Sequence[bytes]) -> tuple[float, float]:
    """Pages per second of CPU time, ours and the floor's: page by page, each of them first every second time."""
    seconds = {extracted: 0.0, drawn: 0.0}
    for number, page in enumerate(pages):
        for work in (extracted, drawn) if number % 2 else (drawn, extracted):
            started = time.process_time()
            work(page)
            seconds[work] += time.process_time() - started
    return len(pages) / seconds[extracted], len(pages) / seconds[drawn]


def shares(pages: Sequence[bytes]) -> Mapping[str, float]:
    """The share of extraction's time that each part takes, the largest first."""
    profile = cProfile.Profile(time.process_time)
    for page in pages:
        profile.runcall(extract, page)
    found = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    taken = {name: sum(row[3] for key, row in found.items() if _name(key) in names) for name, names in PARTS.items()}
    total = sum(row[2] for row in found.values())
    taken["the rest"] = total - sum(taken.values())
    return {name: seconds / total for name, seconds in sorted(taken.items(), key=lambda item: -item[1])}


def _name(key: tuple[str, int, str]) -> str:
    """A function's name; that of a compiled one stands between quotation marks or last."""
    file, _, name = key
    found = re.search(r"'(\w+)' of|(\w+)>$", name) if file == "~" else None
    return found[1] or found[2] if found else name


if __name__ == "__main__":
    sys.exit(main())
