"""What a person is asked in an iteration of mining: which URL prefixes of the candidate domains are mathematics."""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mathmill.corpus.decisions import Decision, read_table
from mathmill.output import write_text

ANSWER = "Go on with the decisions"
THRESHOLDS = "Let the thresholds decide"
"""What can be answered; the second is also the answer when nobody gives one."""
DECISIONS = "decisions"
"""Parameter of the first answer: the digest under which the decisions are kept (`Iteration.answer`)."""
DIGEST = re.compile("[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Question:
    """The task that waits for an answer, and what it asks about."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    previous: str | None
    """Earlier annotations, whose decisions by people stand."""
    min_pages: int
    """Pages that a prefix must have to be asked about."""
    min_rate: float
    """Collected share from which thresholds would call a prefix mathematics."""

    @classmethod
    def read(cls, path: Path) -> "Question":
        """What `write` has written."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def write(self, path: Path) -> None:
        """Leave the question where the page finds it."""
        write_text(path, json.dumps(asdict(self), indent=2))


def read_prefixes(domains: Path, min_pages: int) -> list[dict[str, Any]]:
    """The rows of the table `prefixes` with at least `min_pages` pages, in the order of domain and prefix."""
    import pyarrow.parquet as pq

    table = pq.read_table(domains / "prefixes", filters=[("pages", ">=", min_pages)])
    return table.sort_by([("domain", "ascending"), ("url_prefix", "ascending")]).to_pylist()


def people_decided(annotations: Path | None) -> dict[str, Decision]:
    """What people decided earlier, by prefix."""
    return {one.url_prefix: one for one in read_table(annotations) if one.by_person} if annotations else {}


def is_anything_open(domains: Path, previous: Path | None, min_pages: int) -> bool:
    """Whether some prefix of the candidate domains is not decided by a person."""
    known = people_decided(previous)
    return any(row["url_prefix"] not in known for row in read_prefixes(domains, min_pages))
