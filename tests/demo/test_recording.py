"""A recorded crawl is what Common Crawl's files are: gzip members, requests and responses, a list of paths."""

import zlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastwarc.warc import ArchiveIterator, WarcRecordType

from mathmill.corpus.fetch import Client
from mathmill.corpus.inputs import input_files
from mathmill.demo.recording import crawl_id, record
from mathmill.demo.site import serve

DATE = datetime(2026, 1, 5, tzinfo=UTC)
PAGES = {f"http://{host}.docs.localhost/{n}.html": f"<p>{host} {n} é</p>".encode() for host in "ab" for n in range(5)}


def _record(root: Path, urls: list[str]) -> Path:
    root.mkdir()
    with serve(PAGES, DATE) as port:
        return record(urls, port, root, DATE, files=2)


def test_every_page_is_a_response_with_its_request(tmp_path: Path) -> None:
    listing = _record(tmp_path / "crawl", [*PAGES, "http://a.docs.localhost/none.html"])
    assert listing == tmp_path / "crawl" / "crawl-data" / "CC-MAIN-2026-02" / "warc.paths.gz"
    files = _files(listing)
    assert len(files) == 2
    bodies, statuses, requests = {}, {}, []
    for file in files:
        with Path(file).open("rb") as stream:
            for one in ArchiveIterator(stream, parse_http=True, verify_digests=True):
                url = one.headers.get("WARC-Target-URI")
                if one.record_type == WarcRecordType.response:
                    statuses[url] = one.http_headers.status_code
                    bodies[url] = one.reader.read()
                elif one.record_type == WarcRecordType.request:
                    requests.append(url)
    missing = "http://a.docs.localhost/none.html"
    assert statuses == dict.fromkeys(PAGES, 200) | {missing: 404}
    assert {url: body for url, body in bodies.items() if url != missing} == PAGES
    assert sorted(requests) == sorted(statuses)


def _files(listing: Path) -> list[str]:
    return input_files([str(listing)], base="", client=Client("test"))


def test_a_record_can_be_read_from_its_offset(tmp_path: Path) -> None:
    file = Path(_files(_record(tmp_path / "crawl", list(PAGES)))[0])
    with file.open("rb") as stream:
        places = [
            (one.stream_pos, one.headers.get("WARC-Target-URI"))
            for one in ArchiveIterator(stream, record_types=WarcRecordType.response)
        ]
    offset, url = places[-1]
    with file.open("rb") as stream:
        stream.seek(offset)
        head = zlib.decompress(stream.read(), wbits=31).decode(errors="replace")
    assert head.startswith("WARC/1.")
    assert f"WARC-Target-URI: {url}" in head


def test_two_recordings_of_one_date_are_equal(tmp_path: Path) -> None:
    contents = []
    for name in ("one", "two"):
        listing = _record(tmp_path / name, list(PAGES))
        contents.append([Path(file).read_bytes() for file in _files(listing)])
    assert contents[0] == contents[1]


@pytest.mark.parametrize(
    ("date", "name"),
    [("2024-12-30", "CC-MAIN-2025-01"), ("2021-01-03", "CC-MAIN-2020-53"), ("2026-11-24", "CC-MAIN-2026-48")],
)
def test_a_crawl_is_named_after_its_iso_week(date: str, name: str) -> None:
    assert crawl_id(datetime.fromisoformat(date)) == name
