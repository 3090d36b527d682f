"""WARC files to scored pages."""

from collections.abc import Callable, Sequence
from pathlib import Path

from side_by_side.cost import Cost, in_turns, median_cost, pages_of, rate_entry
from side_by_side.entries import Entry
from side_by_side.inputs import Inputs
from side_by_side.usage import Usage, busyness

LOOP = "the bare loop"
MIB = 1 << 20
PROGRAMS = {"java": "Spark (Java)", "driver": "the command", "worker": "the largest Python worker"}


def kernels(inputs: Inputs, runs: int) -> list[Entry]:
    """All of our kernels in one process against datatrove's pipeline and the bare loop."""
    once, several = inputs.warcs
    (bare, bare_several, own, own_several), rival, note = _beside_peer(
        inputs,
        runs,
        [
            lambda: inputs.bare_loop("bare", once),
            lambda: inputs.bare_loop("bare", several),
            lambda: inputs.bare_loop("ours", once),
            lambda: inputs.bare_loop("ours", several),
        ],
    )
    pages, many = pages_of(own[0]), pages_of(own_several[0])
    floor, ours = median_cost(pages, bare, many, bare_several), median_cost(pages, own, many, own_several)
    return [
        rate_entry("WARC to scored pages in one process", (ours, rival), None, inputs.peer_version(), 5.0, runs, note),
        rate_entry("WARC to scored pages in one process", (ours, floor), None, LOOP, 0.6, runs, note),
    ]


def jobs(inputs: Inputs, runs: int) -> list[Entry]:
    """Our two Spark jobs against datatrove's pipeline and the bare loop, and their memory."""
    once, several = inputs.warcs
    (bare, bare_several, small, large), rival, note = _beside_peer(
        inputs,
        runs,
        [
            lambda: inputs.bare_loop("bare", once),
            lambda: inputs.bare_loop("bare", several),
            lambda: ingest_and_score(inputs, once),
            lambda: ingest_and_score(inputs, several),
        ],
    )
    pages, many = pages_of(bare[0]), pages_of(bare_several[0])
    floor, ours = median_cost(pages, bare, many, bare_several), median_cost(pages, small, many, large)
    name, note = "WARC to scored pages by Spark", f"{note}; our start-up: {ours.start_up:.0f} s"
    return [
        *(rate_entry(name, (ours, rival), n, inputs.peer_version(), 5.0, runs, note) for n in (None, many)),
        *(rate_entry(name, (ours, floor), n, LOOP, 0.6, runs, note) for n in (None, many)),
        *(_memory(inputs.times, small, large, program) for program in PROGRAMS),
    ]


def _beside_peer(
    inputs: Inputs, runs: int, commands: Sequence[Callable[[], Usage]]
) -> tuple[list[list[Usage]], Cost, str]:
    """What our commands used and what pages cost datatrove's pipeline, in turns; and how many pages that was."""
    model = inputs.classifier() / "classifier.bin"
    peer = ("score", "--input", inputs.warcs[0], "--model", model, "--out")
    *ours, first, theirs = in_turns(
        runs,
        [
            *commands,
            lambda: inputs.peer(*peer, inputs.fresh("peer"), "--limit", 1),
            lambda: inputs.peer(*peer, inputs.fresh("peer")),
        ],
    )
    scored = pages_of(theirs[0])
    rival = median_cost(1, first, scored, theirs)
    return ours, rival, f"datatrove scored {scored} pages of the same files; its start-up: {rival.start_up:.0f} s"


def ingest_and_score(inputs: Inputs, warcs: Path, cores: int = 1) -> Usage:
    """Our two jobs, as one command."""
    pages, scores = inputs.fresh("pages"), inputs.fresh("scores")
    model = inputs.classifier()
    ingest = inputs.ours("ingest", "--input", warcs / "*.warc.gz", "--out", pages, cores=cores)
    return ingest + inputs.ours("score", "--pages", pages, "--classifier", model, "--out", scores, cores=cores)


def _memory(times: int, small: list[Usage], large: list[Usage], program: str) -> Entry:
    runs = len(small)
    more, less = (sorted(usage.peaks[program] for usage in usages)[runs // 2] / MIB for usages in (large, small))
    return Entry(
        f"peak memory of {PROGRAMS[program]}, {times} times the input",
        ours=round(more, 1),
        peer=round(less, 1),
        peer_version="the input once",
        unit="MiB",
        ratio=round(less / more, 2),
        goal=round(1 / 1.2, 2),
        runs=runs,
        busy=busyness(),
    )
