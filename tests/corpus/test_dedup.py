"""The deduplication of whole page tables in Spark: what is dropped, for what, and what a later build sees of it."""

import errno
import json
import random
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mathmill import linked_parts
from mathmill.corpus import dedup
from mathmill.job_record import JobRecord

START = datetime(2026, 1, 1, tzinfo=UTC)
SCHEMA = pa.schema(
    {
        "url": pa.string(),
        "text": pa.string(),
        "fetch_time": pa.timestamp("us", "UTC"),
        "content_truncated": pa.string(),
    }
)
Row = dict[str, Any]


def _text(seed: int, count: int = 200) -> list[str]:
    generator = random.Random(seed)
    return [f"w{generator.randrange(10**6)}" for _ in range(count)]


def _page(url: str, words: list[str], minute: int, truncated: str | None = None) -> Row:
    time = START + timedelta(minutes=minute)
    return {"url": url, "text": " ".join(words), "fetch_time": time, "content_truncated": truncated}


def _edited(words: list[str], places: Iterable[int]) -> list[str]:
    """The text with other words at some places; each change touches five shingles."""
    return [f"other{place}" if place in set(places) else word for place, word in enumerate(words)]


def _write(folder: Path, rows: list[Row], files: int = 1) -> Path:
    folder.mkdir(parents=True)
    for number in range(files):
        table = pa.Table.from_pylist(rows[number::files], SCHEMA)
        pq.write_table(table, folder / f"{number}.parquet")
    return folder


def _dedup(pages: Path, out: Path, *more: str) -> int:
    return dedup.main(["--recipe", "demo", "--pages", str(pages), "--out", str(out), *more])


def _duplicates(out: Path) -> dict[str, tuple[str, str]]:
    rows = pq.read_table(out / "duplicates").to_pylist()
    assert len({row["url"] for row in rows}) == len(rows)
    return {row["url"]: (row["kind"], row["duplicate_of"]) for row in rows}


def _urls(out: Path, table: str = "pages") -> list[str]:
    return sorted(pq.read_table(out / table, columns=["url"]).column("url").to_pylist())


A, B, C, D, E, F = (_text(seed) for seed in range(6))
FAR = _text(7)
# 200 words have 196 shingles, and a changed word five. The middle of the chain shares 176 of 216 shingles with each end
# (J = 0.81), and the ends share 156 of 236 with each other (0.66).
CHAIN = [_edited(E, range(5, 41, 9)), E, _edited(E, range(105, 141, 9))]
PLANTED = [
    _page("https://site.org/a", A, 0),
    _page("http://www.site.org/a?utm_source=x", A, 1),
    _page("https://site.org:443/a#again", FAR, 2),  # fetched again, with another text
    _page("https://other.org/far", FAR, 3),  # is no duplicate of a page that was dropped for its address
    _page("https://site.org/b", B, 9),
    _page("https://mirror.org/b", B, 4),  # earlier
    _page("https://site.org/c", C, 5),
    _page("https://mirror.org/c", _edited(C, range(10, 50, 10)), 6),
    _page("https://mirror.org/c2", _edited(C, range(10, 50, 10)), 7),  # the text of one that was dropped
    _page("https://site.org/d", D, 8),
    _page("https://far.org/d", _edited(D, range(0, 200, 12)), 9),  # J = 0.4
    _page("https://chain.org/1", CHAIN[0], 10),
    _page("https://chain.org/2", CHAIN[1], 11),
    _page("https://chain.org/3", CHAIN[2], 12),
    _page("https://short.org/1", ["not", "found"], 13),
    _page("https://short.org/2", ["not", "found"], 14),
    _page("https://short.org/3", ["Not", "found"], 15),
    _page("https://site.org/f", F, 17),
    _page("https://cut.org/f", F[:190], 16, "length"),  # earlier, but cut short
    _page("https://brief.org/1", A[50:90], 18),
    _page("https://brief.org/2", [*_text(9, 18), *A[50:90]], 19),  # with a banner
    _page("https://part.org/a", A[:95], 20),  # half of a longer page
]
FOUND = {
    "http://www.site.org/a?utm_source=x": ("url", "https://site.org/a"),
    "https://site.org:443/a#again": ("url", "https://site.org/a"),
    "https://site.org/b": ("text", "https://mirror.org/b"),
    "https://mirror.org/c": ("near", "https://site.org/c"),
    "https://mirror.org/c2": ("near", "https://site.org/c"),
    "https://chain.org/2": ("near", "https://chain.org/1"),
    "https://short.org/2": ("text", "https://short.org/1"),
    "https://cut.org/f": ("near", "https://site.org/f"),
    "https://brief.org/2": ("near", "https://brief.org/1"),
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, empty_tracking_database: Path) -> Path:
    """The output for the planted pages."""
    root = tmp_path_factory.mktemp("planted")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MATHMILL_HOME", str(root))
        shutil.copyfile(empty_tracking_database, root / "mlflow.db")
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{root}/mlflow.db")
        assert _dedup(_write(root / "pages", PLANTED), root / "out") == 0
    return root / "out"


def test_planted_duplicates(built: Path) -> None:
    assert _duplicates(built) == FOUND
    kept = pq.read_table(built / "pages")
    assert kept.schema.names == SCHEMA.names
    expected = {row["url"]: row["text"] for row in PLANTED if row["url"] not in FOUND}
    assert dict(zip(kept["url"].to_pylist(), kept["text"].to_pylist(), strict=True)) == expected
    assert len(kept) == len(expected)
    similarity = {row["url"]: row["similarity"] for row in pq.read_table(built / "duplicates").to_pylist()}
    assert similarity["https://site.org/b"] == 1.0
    assert similarity["https://mirror.org/c"] == pytest.approx(176 / 216, abs=0.06)
    assert similarity["https://short.org/2"] == 1.0
    assert similarity["https://site.org:443/a#again"] < 0.1
    figures = JobRecord.read(built).figures
    assert {name: figures[name] for name in ("pages", "dropped", "dropped_url", "dropped_text", "dropped_near")} == {
        "pages": 13,
        "dropped": 9,
        "dropped_url": 2,
        "dropped_text": 2,
        "dropped_near": 5,
    }
    assert (figures["clusters"], figures["largest_cluster"]) == (7, 3)
    tables = {path.name for path in built.iterdir() if path.is_dir()}
    assert tables == {"pages", "duplicates", "keys"}


@pytest.mark.parametrize(("files", "partitions"), [(2, 1), (7, 7)])
def test_the_result_is_the_same_however_pages_are_spread(tmp_path: Path, files: int, partitions: int) -> None:
    rows = PLANTED.copy()
    random.Random(files).shuffle(rows)
    settings = f"spark.conf={{spark.sql.shuffle.partitions: '{partitions}'}}"
    assert _dedup(_write(tmp_path / "pages", rows, files), tmp_path / "out", "--set", settings) == 0
    assert _duplicates(tmp_path / "out") == FOUND
    assert _urls(tmp_path / "out") == sorted(row["url"] for row in PLANTED if row["url"] not in FOUND)


def test_a_later_build_is_held_against_earlier_ones(built: Path, tmp_path: Path) -> None:
    first, second, third = built, tmp_path / "second", tmp_path / "third"
    new = [
        _page("http://site.org/a/", _text(100), -9),  # fetched again with another text, even if it were earlier
        _page("https://new.org/b", B, -8),
        _page("https://new.org/d", _edited(D, range(50, 90, 10)), -7),
        _page("https://new.org/1", _text(101), 1),
        _page("https://new.org/2", _edited(_text(101), [70]), 2),
        _page("https://site.org/c", C, 5),  # the very same row as in the first build
    ]
    assert _dedup(_write(tmp_path / "new", new), second, "--previous", str(first)) == 0
    assert _duplicates(second) == {
        "http://site.org/a/": ("url", "https://site.org/a"),
        "https://new.org/b": ("text", "https://mirror.org/b"),
        "https://new.org/d": ("near", "https://site.org/d"),
        "https://new.org/2": ("near", "https://new.org/1"),
        "https://site.org/c": ("url", "https://site.org/c"),
    }
    assert _urls(second) == ["https://new.org/1"]
    assert _urls(second, "keys") == sorted([*_urls(first, "keys"), "https://new.org/1"])
    assert _urls(first, "keys") == _urls(first)
    linked = {part.stat().st_ino for part in (first / "keys").glob("*.parquet")}
    assert linked < {part.stat().st_ino for part in (second / "keys").glob("*.parquet")}

    last = [_page("https://last.org/1", _text(101), 0), _page("https://last.org/a", A, 0)]
    assert _dedup(_write(tmp_path / "last", last), third, "--previous", str(second)) == 0
    assert _duplicates(third) == {
        "https://last.org/1": ("text", "https://new.org/1"),
        "https://last.org/a": ("text", "https://site.org/a"),
    }
    assert _urls(third) == []
    assert _urls(third, "keys") == _urls(second, "keys")


def test_parts_are_copied_where_they_cannot_be_linked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    source, target = tmp_path / "source", tmp_path / "target"
    for folder in (source, target):
        folder.mkdir()
    (source / "a.parquet").write_bytes(b"part")
    (source / "_SUCCESS").touch()
    monkeypatch.setattr(linked_parts.os, "link", refuse)
    linked_parts.link_parts(source, target)
    assert {path.name: path.read_bytes() for path in target.iterdir()} == {"a.parquet": b"part"}


def test_keys_made_otherwise_are_refused(built: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pages, out = built.parent / "pages", tmp_path / "out"
    assert _dedup(pages, out, "--previous", str(built), "--set", "corpus.minhash.ngram=4") == 2
    assert "other settings: give corpus.minhash as it was" in capfd.readouterr().err
    assert _dedup(pages, out, "--previous", str(tmp_path / "none")) == 2
    assert "make it with `mathmill corpus dedup`" in capfd.readouterr().err


def test_pages_of_other_people(tmp_path: Path) -> None:
    """JSON Lines with url and text: the shortest URL is kept, of equal rows one; pages without URL have no address."""
    same = {"url": "https://x.org/same", "text": " ".join(B)}
    rows = [
        {"url": "https://x.org/a?print=1", "text": " ".join(A)},
        {"url": "https://x.org/a", "text": " ".join(A)},
        same,
        same,
        same,
        {"url": None, "text": " ".join(C)},
        {"url": None, "text": " ".join(D)},
        {"url": "http://[bad:port", "text": " ".join(E)},
        {"url": "https://x.org/none", "text": None},
    ]
    pages = tmp_path / "pages.jsonl"
    pages.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert _dedup(pages, tmp_path / "out") == 0
    dropped = pq.read_table(tmp_path / "out" / "duplicates").to_pylist()
    assert sorted((row["kind"], row["url"], row["duplicate_of"]) for row in dropped) == [
        ("text", "https://x.org/a?print=1", "https://x.org/a"),
        ("url", "https://x.org/same", "https://x.org/same"),
        ("url", "https://x.org/same", "https://x.org/same"),
    ]
    kept = pq.read_table(tmp_path / "out" / "pages").to_pylist()
    assert sorted((str(row["url"]), row["text"]) for row in kept) == sorted(
        (str(row["url"]), row["text"]) for row in [rows[1], *rows[4:]]
    )
    assert len(pq.read_table(tmp_path / "out" / "keys")) == len(kept)
