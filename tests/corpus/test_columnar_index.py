"""Records that the columnar index selects: the right rows, few requests, and nothing believed unseen."""

from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typing_extensions import override

from mathmill.corpus.columnar_index import GAP, matching, read_wanted
from mathmill.corpus.http_message import parse_response, payload_digest
from mathmill.corpus.records import Damage, Record
from mathmill.corpus.splits import Wanted
from mathmill.recipe_corpus import IndexRecipe
from tests.corpus.archives import archive, http, page, warc_record

URLS = [f"http://a.example/{number}" for number in range(4)]
RECORDS = [warc_record("response", url, http(page(f"This is {url}"))) for url in URLS]
LIMIT = 1 << 20


class _Counted(BytesIO):
    """Counts the reads, each of which would be a request."""

    reads = 0

    @override
    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        return super().read(size)


def _wanted() -> tuple[bytes, list[Wanted]]:
    data, places = archive(RECORDS, "members")
    digests = [payload_digest(parse_response(record.content)) for record in RECORDS]
    rows = zip(places, URLS, digests, strict=True)
    return data, [Wanted(offset, length, url, digest, "eng") for (offset, length), url, digest in rows]


def test_records_are_read_with_what_the_index_knows() -> None:
    data, wanted = _wanted()
    stream = _Counted(data)
    found = list(read_wanted(stream, [wanted[0], wanted[2], wanted[3]], LIMIT))
    assert [one.url for one in found] == [URLS[0], URLS[2], URLS[3]]
    for one in found:
        assert isinstance(one, Record)
        assert one.languages == "eng"
    assert [(one.offset, one.length) for one in found] == [
        (w.offset, w.length) for w in (wanted[0], wanted[2], wanted[3])
    ]
    assert stream.reads == 1


def test_ranges_far_apart_are_read_apart() -> None:
    data, wanted = _wanted()
    far = len(data) + GAP + 1
    stream = _Counted(data + bytes(GAP + 1) + data)
    found = list(read_wanted(stream, [*wanted, *(one._replace(offset=one.offset + far) for one in wanted)], LIMIT))
    assert [one.url for one in found] == URLS * 2
    assert stream.reads == 2


def test_what_is_not_as_the_index_says_is_told() -> None:
    data, wanted = _wanted()
    cases = [
        wanted[0]._replace(url="http://a.example/other"),
        wanted[1]._replace(digest="A" * 32),
        wanted[2]._replace(offset=wanted[2].offset + 3),
        wanted[3]._replace(length=wanted[3].length - 9),
        wanted[3]._replace(offset=len(data) + 5),
    ]
    found = list(read_wanted(BytesIO(data), cases, LIMIT))
    reasons = ["missing_record", "digest_mismatch", "missing_record", "damaged_record", "missing_record"]
    assert [one.reason for one in found if isinstance(one, Damage)] == reasons
    assert [one.url for one in found] == [case.url for case in cases]
    assert [one.offset for one in found] == [case.offset for case in cases]


def _table(path: Path, *, without: tuple[str, ...] = ()) -> Path:
    rows = [
        # URL, host, domain, status, type, languages
        ("https://docs.a.org/1", "docs.a.org", "a.org", 200, "text/html", "eng"),
        ("https://docs.a.org/2", "docs.a.org", "a.org", 404, "text/html", "eng"),
        ("https://docs.a.org/3", "docs.a.org", "a.org", 200, "application/pdf", "eng"),
        ("https://b.org/1", "b.org", "b.org", 200, "application/xhtml+xml", "zho,eng"),
        ("https://b.org/2", "b.org", "b.org", 200, "text/html", "eng,zho"),
        ("https://www.c.org/1", "www.c.org", "c.org", 200, "text/html", None),
    ]
    names = (
        "url",
        "url_host_name",
        "url_host_registered_domain",
        "fetch_status",
        "content_mime_detected",
        "content_languages",
    )
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)) | {
        "fetch_time": [datetime(2026, 1, 5, tzinfo=UTC)] * len(rows),
        "content_digest": ["A" * 32] * len(rows),
        "warc_filename": ["crawl-data/x.warc.gz"] * len(rows),
        "warc_record_offset": list(range(len(rows))),
        "warc_record_length": [10] * len(rows),
    }
    table = pa.table({name: column for name, column in columns.items() if name not in without})
    pq.write_table(table, path / "part.parquet", row_group_size=2)
    return path / "part.parquet"


@pytest.mark.parametrize(
    ("index", "urls"),
    [
        (IndexRecipe(), ["docs.a.org/1", "b.org/1", "b.org/2", "www.c.org/1"]),
        (IndexRecipe(languages=["zho"]), ["b.org/1"]),
        (IndexRecipe(languages=["zho", "eng"], mime=["text/html"]), ["docs.a.org/1", "b.org/2"]),
        (IndexRecipe(domains=["a.org"], mime=[]), ["docs.a.org/1", "docs.a.org/3"]),
        (IndexRecipe(domains=["WWW.c.org", "b.org"]), ["b.org/1", "b.org/2", "www.c.org/1"]),
        (IndexRecipe(statuses=[404, 301]), ["docs.a.org/2"]),
        (IndexRecipe(domains=["d.org"]), []),
    ],
)
def test_rows_are_selected(tmp_path: Path, index: IndexRecipe, urls: list[str]) -> None:
    with _table(tmp_path).open("rb") as stream:
        found = [url.removeprefix("https://") for batch in matching(stream, index) for url in batch["url"].to_pylist()]
    assert found == urls


def test_old_crawls_without_languages_can_be_selected_from(tmp_path: Path) -> None:
    with _table(tmp_path, without=("content_languages",)).open("rb") as stream:
        assert sum(len(batch) for batch in matching(stream, IndexRecipe(domains=["b.org"]))) == 2
