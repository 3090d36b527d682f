"""Records come out of every layout with their places in the file; damage costs what it touches."""

import gzip
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from fastwarc.warc import ArchiveIterator

from mathmill.corpus.records import Damage, NotAnArchiveError, Record, read_records
from tests.corpus.archives import arc_record, archive, http, page, warc_record

LIMIT = 1 << 24
WARC = [
    warc_record("warcinfo", "", b"isPartOf: CC-MAIN-2026-01\r\n"),
    warc_record("request", "http://a.example/1", b"GET /1 HTTP/1.1\r\n\r\n"),
    warc_record("response", "http://a.example/1", http(page("one"))),
    warc_record("response", "http://a.example/2", http(page("two"))),
]
ARC = [
    arc_record("filedesc", "filedesc://a.arc", b"1 0 Test\nURL IP-address Archive-date Content-type Archive-length\n"),
    arc_record("response", "http://a.example/1", http(page("one"))),
    arc_record("response", "http://a.example/2 with space", http(page("two"))),
]


def _read(data: bytes, limit: int = LIMIT) -> list[Record | Damage]:
    return list(read_records(BytesIO(data), limit))


@pytest.mark.parametrize("records", [WARC, ARC])
@pytest.mark.parametrize("layout", ["members", "plain", "one"])
def test_every_layout_is_read(records: list, layout: str) -> None:
    data, places = archive(records, layout)
    found = _read(data)
    assert [(one.kind, one.url, one.content) for one in found] == [(one.kind, one.url, one.content) for one in records]
    lengths = [None] * len(records) if layout == "one" else [length for _, length in places]
    assert [(one.offset, one.length) for one in found] == list(
        zip([offset for offset, _ in places], lengths, strict=True)
    )


def test_a_record_over_several_members_is_one_record() -> None:
    data = b"".join(one.data for one in WARC)
    blocks = b"".join(gzip.compress(data[at : at + 100]) for at in range(0, len(data), 100))
    assert [one.content for one in _read(blocks)] == [one.content for one in WARC]


@pytest.mark.parametrize(
    "data",
    [
        WARC[2].data.replace(b"\r\n", b"\n", 5),
        WARC[2].data.replace(b"WARC-Type: ", b"warc-TYPE:"),
        WARC[2].data.replace(b"http://a.example/1", b"<http://a.example/1>"),
        WARC[2].data.replace(b"\r\nWARC-Date", b"\r\nFolded: a\r\n  b\r\nWARC-Date"),
        WARC[2].data.removesuffix(b"\r\n\r\n"),
        WARC[2].data + b"\r\n\r\n" * 9,
    ],
    ids=["line feeds", "case", "angle brackets", "folded", "no line ends", "many line ends"],
)
@pytest.mark.parametrize("compressed", [True, False])
def test_oddities_of_writers_are_read(data: bytes, compressed: bool) -> None:
    found = _read(gzip.compress(data) + bytes(20) if compressed else data)
    assert [(one.kind, one.url, one.content) for one in found] == [("response", "http://a.example/1", WARC[2].content)]


def test_an_empty_file_has_no_record() -> None:
    assert _read(b"") == []


@pytest.mark.parametrize("data", [b"# A title\n\nhttp://example.org/ is no record.\n", gzip.compress(b"hello\n" * 99)])
def test_what_holds_no_record_is_no_archive(data: bytes) -> None:
    with pytest.raises(NotAnArchiveError):
        _read(data)


def test_a_damaged_member_costs_its_record() -> None:
    data, places = archive(WARC, "members")
    offset, length = places[2]
    damaged = data[: offset + 60] + bytes(8) + data[offset + 68 :]
    found = _read(damaged)
    assert [one.kind if isinstance(one, Record) else one[:2] for one in found] == [
        "warcinfo",
        "request",
        (offset, length),
        "response",
    ]


def test_a_wrong_check_sum_is_damage() -> None:
    data, places = archive(WARC, "members")
    end = sum(places[2])
    found = _read(data[: end - 5] + b"\xff" + data[end - 4 :])
    assert isinstance(found[2], Damage)
    assert "incorrect" in found[2].detail


def test_a_cut_costs_the_last_record() -> None:
    for layout in ("members", "plain"):
        data, places = archive(WARC, layout)
        *rest, last = _read(data[:-30])
        assert [one.url for one in rest if isinstance(one, Record)] == [one.url for one in WARC[:3]]
        assert isinstance(last, Damage)
        assert (last.offset, last.length) == (places[3][0], len(data) - 30 - places[3][0])


@pytest.mark.parametrize("length", [b"7", b"20", b"5000", b"-1", b"1e3", b"", b"9" * 5000])
def test_a_wrong_content_length_costs_its_record(length: bytes) -> None:
    data, _ = archive(WARC, "plain")
    wrong = re.sub(rb"(/1\r\n(?:.*\r\n){0,3}?Content-Length: )\d+(\r\n\r\nHTTP)", rb"\g<1>" + length + rb"\2", data)
    assert wrong != data
    found = _read(wrong)
    assert [one.url if isinstance(one, Record) else "damage" for one in found] == [
        "",
        "http://a.example/1",
        "damage",
        "http://a.example/2",
    ]


def test_of_a_content_beyond_the_limit_the_head_is_kept() -> None:
    big = warc_record("response", "http://a.example/big", http(page("x" * 3_000_000)))
    for layout in ("members", "plain", "one"):
        data, _ = archive([big, *WARC], layout)
        first, *rest = _read(data, limit=1 << 20)
        assert first.size == len(big.content)
        assert first.content == big.content[: 1 << 16]
        assert [one.content for one in rest] == [one.content for one in WARC]


@pytest.mark.shared
def test_healthy_files_read_as_fastwarc_reads_them(shared_data: Path) -> None:
    file = next((shared_data / "crawl_a").glob("crawl-data/*/segments/*/warc/*-00002.warc.gz"))
    with file.open("rb") as ours, file.open("rb") as theirs:
        for record, expected in zip(read_records(ours, LIMIT), ArchiveIterator(theirs, parse_http=False), strict=True):
            assert record.offset == expected.stream_pos
            assert record.url == expected.headers.get("WARC-Target-URI", "")
            assert record.content == expected.reader.read()


@pytest.mark.shared
@pytest.mark.parametrize("folder", ["crawl_a/edge", "real_warc"])
def test_every_record_of_real_files_is_accounted_for(shared_data: Path, folder: str) -> None:
    files = [file for file in sorted((shared_data / folder).glob("*arc*")) if "paths" not in file.name]
    for file in files:
        found = _read(file.read_bytes())
        expected, damaged = _counted(file.read_bytes())
        assert Counter(isinstance(one, Damage) for one in found) == Counter({False: expected, True: damaged}), file.name


def _counted(data: bytes) -> tuple[int, int]:
    """Records of a file that are all there and those that are not, by another way: its record headers are counted.

    A WARC record counts as whole where what its Content-Length spans is followed by two line ends.
    """
    texts = list(_members(data)) if data.startswith(b"\x1f\x8b") else [data]
    whole = damaged = 0
    for text in texts:
        if text is None:
            damaged += 1
            continue
        for head in re.finditer(rb"^WARC/[01]\.\d+\r\n(?:[^\r\n]+\r\n)+\r\n", text, re.MULTILINE):
            length = int(re.search(rb"(?i)content-length: *(\d+)", head[0])[1])
            is_whole = text[head.end() + length :][:4] in (b"\r\n\r\n", b"")
            whole, damaged = whole + is_whole, damaged + (not is_whole)
        whole += len(re.findall(rb"^[a-z]+:\S* [\d.]+ \d{14} \S+ \d+\n", text, re.MULTILINE))
    return whole, damaged


def _members(data: bytes) -> Iterator[bytes | None]:
    """The decompressed gzip members of a file; None for one that is damaged or cut."""
    at = 0
    while at >= 0 and at < len(data):
        inflater = zlib.decompressobj(wbits=31)
        try:
            text = inflater.decompress(data[at:])
        except zlib.error:
            text = b""
        yield text if inflater.eof else None
        at = len(data) - len(inflater.unused_data) if inflater.eof else data.find(b"\x1f\x8b\x08", at + 1)
