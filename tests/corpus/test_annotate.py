"""Which prefixes become mathematics by thresholds, and what stands of earlier decisions."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mathmill.corpus import annotate

EARLIER = datetime(2026, 1, 1, tzinfo=UTC)


def _domains(folder: Path, rates: dict[str, tuple[int, int]]) -> Path:
    (folder / "prefixes").mkdir(parents=True)
    rows = [
        {"domain": "a", "url_prefix": name, "pages": pages, "collected": got} for name, (pages, got) in rates.items()
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "prefixes" / "part.parquet")
    return folder


def _earlier(folder: Path, decisions: dict[str, tuple[bool, str]]) -> Path:
    (folder / "annotations").mkdir(parents=True)
    rows = [
        {"url_prefix": name, "is_math": is_math, "annotator": who, "time": EARLIER}
        for name, (is_math, who) in decisions.items()
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "annotations" / "part.parquet")
    return folder


def _annotated(tmp_path: Path, domains: Path, *more: str) -> dict[str, bool]:
    out = tmp_path / "out"
    assert annotate.main(["--recipe", "demo", "--domains", str(domains), "--out", str(out), *more]) == 0
    return {row["url_prefix"]: row["is_math"] for row in pq.read_table(out / "annotations").to_pylist()}


def test_half_of_five_pages_make_a_prefix_mathematics(tmp_path: Path) -> None:
    domains = _domains(tmp_path / "domains", {"a.example/m": (6, 3), "a.example/n": (6, 2), "a.example/few": (4, 4)})
    assert _annotated(tmp_path, domains) == {"a.example/m": True, "a.example/n": False}


def test_a_persons_decision_stands_and_a_thresholds_is_made_again(tmp_path: Path) -> None:
    domains = _domains(tmp_path / "domains", {"a.example": (9, 9), "b.example": (9, 9)})
    known = _earlier(
        tmp_path / "known", {"a.example": (False, "ann"), "b.example": (False, "auto"), "c.example": (True, "auto")}
    )
    assert _annotated(tmp_path, domains, "--previous", str(known)) == {
        "a.example": False,
        "b.example": True,
        "c.example": True,
    }
