"""Which prefixes become mathematics by thresholds and files, and what stands of earlier decisions."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mathmill.corpus import annotate
from mathmill.corpus.decisions import read_decisions
from mathmill.corpus.question import is_anything_open

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


def test_a_file_is_a_person_s_whole_answer(tmp_path: Path) -> None:
    domains = _domains(tmp_path / "domains", {"a.example": (9, 9), "b.example": (9, 0), "c.example": (9, 9)})
    answer = tmp_path / "answer.csv"
    answer.write_text("url_prefix,is_math\na.example,false\nb.example,true\n", encoding="utf-8")
    given = ["--decisions", str(answer)]
    assert _annotated(tmp_path / "person", domains, *given, "--set", "corpus.annotation=person") == {
        "a.example": False,
        "b.example": True,
    }
    # Unattended, thresholds decide what the file leaves out.
    assert _annotated(tmp_path / "auto", domains, *given) == {"a.example": False, "b.example": True, "c.example": True}


def test_without_an_answer_thresholds_decide_for_a_person(tmp_path: Path) -> None:
    domains = _domains(tmp_path / "domains", {"a.example": (9, 9)})
    assert _annotated(tmp_path, domains, "--set", "corpus.annotation=person") == {"a.example": True}


def test_what_was_decided_can_be_given_to_the_next_build(tmp_path: Path) -> None:
    domains = _domains(tmp_path / "domains", {"a.example": (9, 9), "b.example": (9, 9)})
    known = _earlier(tmp_path / "known", {"a.example": (False, "ann")})
    _annotated(tmp_path / "first", domains, "--previous", str(known))
    exported = read_decisions(tmp_path / "first" / "out" / "decisions.jsonl")
    assert {one.url_prefix: one.annotator for one in exported} == {"a.example": "ann", "b.example": "auto"}
    assert exported[0].time == EARLIER.replace(tzinfo=UTC)


def test_only_what_no_person_decided_is_asked(tmp_path: Path) -> None:
    domains = _domains(tmp_path / "domains", {"a.example": (9, 9), "b.example": (9, 9), "few.example": (2, 2)})
    auto = _earlier(tmp_path / "auto", {"a.example": (True, "ann"), "b.example": (True, "auto")})
    both = _earlier(tmp_path / "both", {"a.example": (True, "ann"), "b.example": (False, "ben")})
    assert is_anything_open(domains, None, min_pages=5)
    assert is_anything_open(domains, auto, min_pages=5)
    assert not is_anything_open(domains, both, min_pages=5)
    assert is_anything_open(domains, both, min_pages=1)
