"""Every record becomes a page or a rejected record with the reason."""

import base64
import gzip
import hashlib
import random
import zlib
from collections import Counter
from datetime import UTC, datetime

import brotli
import pytest

from mathmill.corpus import page as page_module
from mathmill.corpus.guard import Watch
from mathmill.corpus.page import Archive, Page, PageRules, Rejection, archive_of, read_pages
from mathmill.corpus.parts import arrow_schema
from mathmill.corpus.records import Record
from mathmill.corpus.tables import PAGES, REJECTED
from tests.corpus.archives import DATE, http, page

ARCHIVE = Archive("crawl-data/CC-MAIN-2026-01/segments/1/warc/a.warc.gz", "CC-MAIN-2026-01")
TEXT = "The quick brown fox jumps over the lazy dog, and the dog does not mind."
HTML = page(TEXT)
NOISE = random.Random(1).randbytes(900).translate(None, b"<>&")
CHINESE = "这是一个关于多项式的根的句子、多项式的根是使其值为零的数。"
LIMIT = 1 << 20


def _record(content: bytes, kind: str = "response", url: str = "http://www.example.org/a/b?c", **fields: str) -> Record:
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    return Record(kind, url, {"warc-date": DATE} | named, content, len(content), 5, 9)


def _outcomes(*records: Record, archive: Archive = ARCHIVE) -> list[Page | Rejection]:
    return list(read_pages(records, archive, PageRules(20, LIMIT), Watch(5.0), Counter()))


def _outcome(record: Record) -> Page | Rejection:
    (outcome,) = _outcomes(record)
    return outcome


def test_the_columns_are_the_tables() -> None:
    assert list(Page._fields) == arrow_schema(PAGES).names
    assert list(Rejection._fields) == arrow_schema(REJECTED).names


def test_a_page() -> None:
    digest = base64.b32encode(hashlib.sha1(HTML, usedforsecurity=False).digest()).decode()
    assert _outcome(_record(http(HTML))) == Page(
        url="http://www.example.org/a/b?c",
        url_surtkey="org,example)/a/b?c",
        url_host_name="www.example.org",
        url_host_registered_domain="example.org",
        url_path="/a/b",
        crawl="CC-MAIN-2026-01",
        fetch_time=datetime(2026, 1, 5, 12, tzinfo=UTC),
        content_mime_detected="text/html",
        content_languages="eng",
        content_digest=digest,
        warc_filename="crawl-data/CC-MAIN-2026-01/segments/1/warc/a.warc.gz",
        warc_record_offset=5,
        warc_record_length=9,
        text=TEXT,
        has_math=False,
        token_count=15,
        content_truncated=None,
    )


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (_record(b"isPartOf: x", kind="warcinfo"), "record_type_warcinfo"),
        (_record(b"GET / HTTP/1.1", kind="request"), "record_type_request"),
        (_record(b"a: b", kind="metadata"), "record_type_metadata"),
        (_record(HTML, kind="resource"), "record_type_resource"),
        (_record(b"text", kind="conversion"), "record_type_conversion"),
        (_record(b"text", kind="continuation"), "record_type_continuation"),
        (_record(b"1 0 Test", kind="filedesc"), "record_type_filedesc"),
        (_record(b"", kind="future"), "record_type_unknown"),
        (_record(http(HTML), kind="revisit"), "revisit"),
        (_record(b"20260105\nx. 1 IN A 127.0.0.1", url="dns:x"), "dns"),
        (_record(HTML), "not_http"),
        (_record(http(HTML, status="404 Not Found")), "http_status_404"),
        (_record(http(HTML, status="301 Moved")), "http_status_301"),
        (_record(http(HTML, status="abc")), "not_http"),
        (_record(http(b"%PDF-1.4", "Content-Type: application/pdf")), "not_html"),
        (_record(http(b"%PDF-1.4 \n%", "Content-Type: text/html")), "not_html"),
        (_record(http(b"some text " * 20, "Content-Type: text/plain")), "not_html"),
        (_record(http(b" \r\n")), "empty"),
        (_record(http(page("Short."))), "too_short"),
        (_record(http(page("x" * LIMIT))), "too_large"),
        (_record(http(HTML), url="http:///path"), "bad_url"),
        (_record(http(HTML), url=""), "bad_url"),
        (_record(http(b"\x1f\x8b\x08\xff\xff\xff" * 9, "Content-Encoding: gzip")), "bad_encoding"),
        (_record(http(b"<html><p>" + NOISE)), "bad_encoding"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_reasons(record: Record, reason: str) -> None:
    outcome = _outcome(record)
    assert isinstance(outcome, Rejection), outcome
    assert outcome.reason == reason
    has_url = record.kind not in {"warcinfo", "request", "metadata", "filedesc"}
    assert outcome.url == (record.url if has_url else None)


CHUNKED = b"%x;ext=1\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (30, HTML[:30], len(HTML) - 30, HTML[30:])
RAW_DEFLATE = zlib.compress(HTML, wbits=-15)


@pytest.mark.parametrize(
    ("body", "head"),
    [
        (HTML, "content-TYPE:text/html ; charset=utf-8"),
        (HTML, "Server: x"),
        (HTML, "Content-Type: application/octet-stream"),
        (HTML, "Content-Type: text/plain"),
        (b"\xef\xbb\xbf<!-- a comment -->\n" + HTML, "Server: x"),
        (TEXT.join(["<p>", "</p>"]).encode(), "Server: x"),
        (HTML.decode().encode("utf-16"), "Content-Type: text/html; charset=utf-16"),
        (CHUNKED, "Content-Type: text/html\r\nTransfer-Encoding: chunked"),
        (CHUNKED[:-5], "Content-Type: text/html\r\nTransfer-Encoding: chunked"),
        (HTML, "Content-Type: text/html\r\nTransfer-Encoding: chunked"),
        (gzip.compress(HTML), "Content-Type: text/html\r\nContent-Encoding: gzip"),
        (gzip.compress(HTML)[:-8], "Content-Type: text/html\r\nContent-Encoding: gzip"),
        (HTML, "Content-Type: text/html\r\nContent-Encoding: gzip"),
        (zlib.compress(HTML), "Content-Type: text/html\r\nContent-Encoding: deflate"),
        (RAW_DEFLATE, "Content-Type: text/html\r\nContent-Encoding: deflate"),
        (brotli.compress(HTML), "Content-Type: text/html\r\nContent-Encoding: br"),
        (HTML, "Content-Type: text/html\r\nContent-Encoding: br"),
        (gzip.compress(brotli.compress(HTML)), "Content-Encoding: br, gzip\r\nContent-Type: text/html"),
        (HTML, "Content-Type: text/html\r\nX-Crawler-Content-Encoding: br\r\nContent-Encoding: identity"),
        (HTML, "Content-Type: text/html;\r\n charset=utf-8"),
        (HTML, "Content-Type: text/html\r\nno colon\r\n: no name\r\nN\xfc: \xe4"),
    ],
)
def test_whatever_the_head_says_a_page_is_read(body: bytes, head: str) -> None:
    outcome = _outcome(_record(http(body, head)))
    assert isinstance(outcome, Page), outcome
    assert outcome.text.strip() == TEXT
    assert outcome.content_mime_detected == "text/html"


def test_heads_may_end_their_lines_by_line_feeds() -> None:
    outcome = _outcome(_record(b"HTTP/1.0 200 OK\nContent-Type: text/html\n\n" + HTML))
    assert isinstance(outcome, Page)


@pytest.mark.parametrize(
    ("body", "charset"),
    [
        (page(CHINESE).decode().encode("gb18030"), "; charset=GBK"),
        (page(CHINESE).decode().replace("<head>", '<head><meta charset="big5">', 1).encode("utf-8"), "; charset=utf-8"),
        (page(CHINESE).decode().replace("<head>", '<head><meta charset="gb2312">').encode("gb18030"), ""),
    ],
)
def test_character_sets(body: bytes, charset: str) -> None:
    outcome = _outcome(_record(http(body, f"Content-Type: text/html{charset}")))
    assert isinstance(outcome, Page), outcome
    assert outcome.text.strip() == CHINESE
    assert outcome.content_languages == "zho"


def test_a_page_that_was_cut_off_says_so() -> None:
    outcome = _outcome(_record(http(HTML), warc_truncated="length"))
    assert isinstance(outcome, Page)
    assert outcome.content_truncated == "length"


def test_an_identified_type_is_taken() -> None:
    outcome = _outcome(_record(http(HTML), warc_identified_payload_type="application/xhtml+xml"))
    assert isinstance(outcome, Page)
    assert outcome.content_mime_detected == "application/xhtml+xml"


def test_languages_are_those_that_the_crawler_recorded_with_the_page() -> None:
    found = b'languages-cld2: {"languages":[{"code-iso-639-3":"isl"},{"code-iso-639-3":"eng"}]}\r\n'
    metadata = _record(found, kind="metadata")
    first, _, second, _ = _outcomes(
        _record(http(HTML)), metadata, _record(http(HTML), url="http://other.example/"), metadata
    )
    assert (first.content_languages, second.content_languages) == ("isl,eng", "eng")
    broken = _record(b'languages-cld2: {"languages": 7}', kind="metadata")
    assert _outcomes(_record(http(HTML)), broken)[0].content_languages == "eng"


def test_languages_of_the_index_come_first() -> None:
    assert _outcome(_record(http(HTML))._replace(languages="fra"))[8] == "fra"


def test_the_crawl_s_name_comes_from_the_path_or_the_file_s_own_record() -> None:
    nameless = archive_of("/data/some/a.warc.gz")
    assert nameless == Archive("/data/some/a.warc.gz", "")
    about = _record(b"software: x\r\nisPartOf: CC-MAIN-2019-09\r\n", kind="warcinfo")
    _, first = _outcomes(about, _record(http(HTML)), archive=nameless)
    assert first.crawl == "CC-MAIN-2019-09"
    news = "https://data.example/crawl-data/CC-NEWS/2026/05/CC-NEWS-2026-1.warc.gz"
    assert archive_of(news) == Archive("crawl-data/CC-NEWS/2026/05/CC-NEWS-2026-1.warc.gz", "CC-NEWS")


@pytest.mark.parametrize(
    "date", ["2026-01-05T12:00:00Z", "2026-01-05T12:00:00.123456789Z", "2026-01-05T14:00:00+02:00"]
)
def test_dates_are_in_utc(date: str) -> None:
    outcome = _outcome(_record(http(HTML))._replace(fields={"warc-date": date}))
    assert isinstance(outcome, Page)
    assert outcome.fetch_time is not None
    assert outcome.fetch_time.replace(microsecond=0) == datetime(2026, 1, 5, 12, tzinfo=UTC)


def test_an_extractor_s_error_costs_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_body: bytes, *, charset: str | None) -> None:
        raise RecursionError("too deep")

    monkeypatch.setattr(page_module, "extract", fail)
    outcome = _outcome(_record(http(HTML)))
    assert outcome == Rejection(
        "http://www.example.org/a/b?c", ARCHIVE.filename, 5, "extraction_failed", "RecursionError: too deep"
    )


def test_a_page_that_takes_too_long_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(_body: bytes, *, charset: str | None) -> None:
        while True:
            pass

    monkeypatch.setattr(page_module, "extract", hang)
    (outcome,) = read_pages([_record(http(HTML))], ARCHIVE, PageRules(20, LIMIT), Watch(0.05), Counter())
    assert isinstance(outcome, Rejection)
    assert outcome.reason == "timeout"
