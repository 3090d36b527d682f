"""Damaged archives: whatever happens to a file's bytes, no crash, no hang, and no intact record is lost.

`MATHMILL_FUZZ_INPUTS` sets the number of inputs.
"""

import gzip
import os
import random
import re
import time
import tracemalloc
from collections import Counter
from dataclasses import dataclass, replace
from io import BytesIO
from itertools import pairwise

import pytest

from mathmill.corpus import members
from mathmill.corpus.guard import Watch
from mathmill.corpus.page import Archive, Page, PageRules, Rejection, read_pages
from mathmill.corpus.records import Damage, NotAnArchiveError, Record, read_records
from tests.corpus.archives import Stored, arc_record, archive, http, page, warc_record

INPUTS = int(os.environ.get("MATHMILL_FUZZ_INPUTS", "1000"))
LIMIT = 1 << 20
SECONDS = 5.0
"""For one input; a hundred times what it takes."""
WORDS = ["the", "root", "of", "a", "polynomial", "is", "where", "its", "value", "vanishes", "and", "中文", "too"]


@dataclass(frozen=True)
class Mutant:
    """A damaged file, and the records of it that are not damaged."""

    data: bytes
    intact: list[Stored]
    how: str


def _text(chance: random.Random) -> str:
    return " ".join(chance.choices(WORDS, k=chance.randrange(20, 400)))


def _warc(chance: random.Random) -> list[Stored]:
    records = [warc_record("warcinfo", "", b"isPartOf: CC-MAIN-2026-01\r\n")]
    for number in range(chance.randrange(1, 5)):
        url = f"http://example.org/{number}"
        records.append(warc_record("request", url, b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"))
        records.append(warc_record("response", url, http(page(f"{number} {_text(chance)}"))))
        records.append(warc_record("metadata", url, f"fetchTimeMs: {number}\r\n".encode()))
    return records


def _arc(chance: random.Random) -> list[Stored]:
    records = [
        arc_record("filedesc", "filedesc://a.arc", b"1 0 Test\nURL IP-address Archive-date Content-type length\n")
    ]
    return records + [
        arc_record("response", f"http://example.org/{n}", http(page(f"{n} {_text(chance)}")))
        for n in range(chance.randrange(1, 8))
    ]


def _flip(data: bytes, at: int, chance: random.Random) -> bytes:
    return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]


def _mutate(number: int) -> Mutant:
    """The mutant of that number; the same whenever it is asked for."""
    chance = random.Random(number)
    records = (_arc if chance.random() < 0.25 else _warc)(chance)
    layout = chance.choice(["members", "members", "plain", "one"])
    data, places = archive(records, layout)
    kind = chance.choice(["flip", "flip", "cut", "insert", "zero", "drop", "end", "swap", "repeat"])
    size = min(chance.choice([1, 1, 4, 40, 400, 4000]), len(data))
    start = chance.randrange(len(data) - size + 1)
    end = start + size
    if kind == "flip":
        end = start + 1
        mutated = _flip(data, start, chance)
    elif kind == "cut":
        end = len(data)
        mutated = data[:start]
    elif kind == "insert":
        end = start
        mutated = data[:start] + chance.randbytes(size) + data[start:]
    elif kind == "zero":
        mutated = data[:start] + bytes(size) + data[end:]
    elif kind == "drop":
        mutated = data[:start] + data[end:]
    elif kind == "end":
        start = end = len(data)
        mutated = data + chance.randbytes(size)
    else:
        order = list(range(len(records)))
        chance.shuffle(order)
        order = order if kind == "swap" else order + order
        return Mutant(archive([records[one] for one in order], layout)[0], [records[one] for one in order], kind)
    intact = [
        record
        for record, (offset, length) in zip(records, places, strict=True)
        if layout != "one" and (end <= offset or offset + length <= start)
    ]
    return Mutant(mutated, intact, f"{layout} {kind} {start} {end}")


@pytest.fixture(params=["usual buffers", "small buffers"])
def _buffers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With small ones records and members begin and end in every place of a buffer."""
    if request.param == "small buffers":
        for name, size in {"CHUNK": 131, "STEP": 50, "PIECE": 310, "LOOK": 400}.items():
            monkeypatch.setattr(members, name, size)


@pytest.mark.usefixtures("_buffers")
@pytest.mark.parametrize("block", range(10))
def test_damage_costs_the_damaged_records_only(block: int) -> None:
    watch = Watch(SECONDS)
    for number in range(block, INPUTS, 10):
        mutant = _mutate(number)
        place = f"mutant {number}: {mutant.how}"
        started = time.monotonic()
        try:
            found = list(read_records(BytesIO(mutant.data), LIMIT))
        except NotAnArchiveError:
            assert not mutant.intact, place
            continue
        outcomes = list(read_pages(iter(found), Archive("a.warc.gz", ""), PageRules(10, LIMIT), watch, Counter()))
        assert time.monotonic() - started < SECONDS, place
        assert len(outcomes) == len(found), place
        # A lone surrogate would fit into no table.
        "".join(value for one in outcomes for value in one if isinstance(value, str)).encode()
        there = Counter((one.kind, one.content) for one in found if isinstance(one, Record))
        wanted = Counter((one.kind, one.content) for one in mutant.intact)
        assert not wanted - there, place
        pages = Counter(one.url for one in outcomes if isinstance(one, Page))
        assert not Counter(one.url for one in mutant.intact if one.kind == "response") - pages, place
        _check_places(found, mutant.data, place)
        lost = sum(isinstance(one, Damage) for one in found)
        assert lost == sum(isinstance(one, Rejection) and one.reason == "damaged_record" for one in outcomes), place


def _check_places(found: list[Record | Damage], data: bytes, place: str) -> None:
    """Every byte belongs to one record or one damage, but for padding; records that share a member have no length."""
    if any(one.length is None for one in found):
        return
    at = 0
    for one in found:
        assert not data[at : one.offset].strip(b"\0\r\n"), place
        assert one.offset >= at, place
        at = one.offset + one.length
    assert not data[at:].strip(b"\0\r\n"), place


@pytest.mark.usefixtures("_buffers")
def test_the_splits_of_a_damaged_file_hold_what_the_file_holds() -> None:
    for number in range(INPUTS // 4):
        mutant = _mutate(number)
        if not mutant.how.startswith("members"):
            continue
        chance = random.Random(number)
        inner = sorted({chance.randrange(1, len(mutant.data) + 50) for _ in range(chance.randrange(1, 5))})
        try:
            whole = list(read_records(BytesIO(mutant.data), LIMIT))
        except NotAnArchiveError:
            continue
        parts = [
            one
            for start, end in pairwise([0, *inner, None])
            for one in read_records(BytesIO(mutant.data), LIMIT, start, end)
        ]
        assert [one for one in parts if isinstance(one, Record)] == [one for one in whole if isinstance(one, Record)], (
            f"mutant {number}: {mutant.how} {inner}"
        )
        assert [one.offset for one in parts] == [one.offset for one in whole], f"mutant {number}: {mutant.how} {inner}"


@pytest.mark.parametrize("layout", ["members", "plain", "one"])
def test_a_bomb_costs_no_memory_and_no_other_record(layout: str) -> None:
    good = warc_record("response", "http://example.org/good", http(page("a good page")))
    bomb = warc_record("response", "http://example.org/bomb", http(bytes(60 << 20)))
    packed = gzip.compress(bytes(60 << 20))
    inner = warc_record(
        "response", "http://example.org/inner", http(packed, "Content-Type: text/html\r\nContent-Encoding: gzip")
    )
    promise = warc_record("response", "http://example.org/promise", http(b"<p>"))
    promise = replace(promise, data=re.sub(rb"Content-Length: \d+", b"Content-Length: 999999999999", promise.data))
    data, _ = archive([good, bomb, inner, promise, good], layout)
    tracemalloc.start()
    records = read_records(BytesIO(data), LIMIT)
    outcomes = list(read_pages(records, Archive("a.warc.gz", ""), PageRules(5, LIMIT), Watch(SECONDS), Counter()))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 * LIMIT
    reasons = [one.reason if isinstance(one, Rejection) else "page" for one in outcomes]
    assert reasons == ["page", "too_large", "too_large", "damaged_record", "page"]
