"""Near-duplicates of pages."""

import pyarrow.parquet as pq
from side_by_side.cost import in_turns, median_cost, pages_of, rate_entry
from side_by_side.entries import Entry
from side_by_side.inputs import Inputs

from mathmill.job_record import JobRecord

LEAST_KEPT = 0.9
"""Share of the pages; if fewer are kept, other work was measured than is meant."""


def near_duplicates(inputs: Inputs, runs: int) -> list[Entry]:
    """Our job, which also finds URL variants and equal texts, against datatrove's four stages of MinHash."""
    once, several = inputs.repeated_pages()
    peer = ("dedup", "--input", once, "--out")
    small, large, first, theirs = in_turns(
        runs,
        [
            lambda: inputs.ours("dedup", "--pages", once, "--out", inputs.fresh("dedup")),
            lambda: inputs.ours("dedup", "--pages", several, "--out", inputs.fresh("dedup")),
            lambda: inputs.peer(*peer, inputs.fresh("peer"), "--limit", 1),
            lambda: inputs.peer(*peer, inputs.fresh("peer")),
        ],
    )
    pages, many = (pq.ParquetDataset(folder).read(["id"]).num_rows for folder in (once, several))
    ours, rival = median_cost(pages, small, many, large), median_cost(1, first, pages, theirs)
    start_up = f"start-up: ours {ours.start_up:.0f} s, its {rival.start_up:.0f} s"
    kept = int(JobRecord.read(inputs.work / "out" / "dedup").figures["pages"])
    if kept < LEAST_KEPT * many:
        raise RuntimeError(f"of {many} pages only {kept} were kept: the copies should be no duplicates")
    note = f"we kept {kept} of {many}, datatrove {pages_of(theirs[0])} of {pages}; {start_up}"
    version = inputs.peer_version()
    return [rate_entry("near-dedup", (ours, rival), count, version, 3.0, runs, note) for count in (None, many)]
