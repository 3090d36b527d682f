"""From an archive's records to pages and rejected records: every record becomes exactly one of the two.

A page is an HTML response with status 200 and enough text. One that was cut off while it was fetched (`WARC-Truncated`)
stays a page, with Common Crawl's `content_truncated` saying so: its text is real as far as it goes.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from mathmill.corpus.addresses import registry_domain, split, surt
from mathmill.corpus.extraction import Extracted, extract
from mathmill.corpus.guard import GivenUpError, PageTimeoutError, Watch
from mathmill.corpus.http_message import CodingError, Response, decoded_body, parse_response, payload_digest
from mathmill.corpus.language import languages, recorded_languages
from mathmill.corpus.media_type import PAGES, detected_type
from mathmill.corpus.records import Damage, Record, crawl_of, parse_fields
from mathmill.corpus.words import count_words

TYPES = frozenset(
    ["warcinfo", "request", "metadata", "resource", "revisit", "conversion", "continuation", "response", "filedesc"]
)
WITHOUT_URL = frozenset(["warcinfo", "request", "metadata", "filedesc"])
"""Records whose URL, if any, belongs to another record."""
CRAWL = re.compile(r"CC-[A-Z]+(?:-\d{4}-\d{2})?")
CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?([^\s\"';,]+)", re.IGNORECASE)
MOST_UNREADABLE = 0.05
"""Share of U+FFFD in a text from which its bytes were not text in any character set."""
LONGEST_DETAIL = 200


class Page(NamedTuple):
    """A row of the table `pages`."""

    url: str
    url_surtkey: str
    url_host_name: str
    url_host_registered_domain: str | None
    url_path: str
    crawl: str
    fetch_time: datetime | None
    content_mime_detected: str
    content_languages: str
    content_digest: str
    warc_filename: str
    warc_record_offset: int
    warc_record_length: int | None
    text: str
    has_math: bool
    token_count: int
    content_truncated: str | None


class Rejection(NamedTuple):
    """A row of the table `rejected`."""

    url: str | None
    warc_filename: str
    warc_record_offset: int
    reason: str
    detail: str | None


@dataclass(frozen=True, slots=True)
class Archive:
    """The file that records come from."""

    filename: str
    """As Common Crawl's index gives it: from `crawl-data/` on, where the path has that."""
    crawl: str
    """The crawl's id, empty where neither the path nor the file's warcinfo record tells it."""


@dataclass(frozen=True, slots=True)
class PageRules:
    """What a page must be."""

    min_bytes: int
    max_bytes: int


class _RejectedError(Exception):
    """The record is no page; the arguments are the reason and what more there is to say."""

    def __init__(self, reason: str, detail: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


def archive_of(path: str, crawl: str = "") -> Archive:
    """The archive at a path or address; `crawl` is the id of its crawl unless the path says it."""
    before, mark, after = path.rpartition("crawl-data/")
    crawl = next((part for part in path.split("/")[:-1] if CRAWL.fullmatch(part)), crawl)
    return Archive(mark + after if mark and (not before or before.endswith("/")) else path, crawl)


def read_pages(
    records: Iterable[Record | Damage], archive: Archive, rules: PageRules, watch: Watch, formulas: Counter[str]
) -> Iterator[Page | Rejection]:
    """The pages and rejected records of an archive, in its order, a page after the metadata record that follows it.

    Args:
        records: of the archive.
        archive: names them.
        rules: what makes a page.
        watch: looks after each page while it is worked on.
        formulas: the pages' formulas are added to it, by markup.
    """
    crawl = archive.crawl
    waiting: Page | None = None
    for record in records:
        if waiting is not None:
            yield waiting._replace(content_languages=_languages(waiting, record))
            waiting = None
        if isinstance(record, Damage):
            yield Rejection(record.url, archive.filename, record.offset, record.reason, record.detail)
            continue
        crawl = crawl or crawl_of(record)
        try:
            waiting, found = _page(record, archive.filename, crawl, rules, watch)
            formulas.update(found)
        except _RejectedError as error:
            url = None if record.kind in WITHOUT_URL else record.url
            yield Rejection(url, archive.filename, record.offset, error.reason, error.detail)
    if waiting is not None:
        yield waiting._replace(content_languages=waiting.content_languages or languages(waiting.text))


def _languages(page: Page, following: Record | Damage) -> str:
    """A page's languages: the index's, or what the metadata record right after it gives, or those found in the text."""
    if page.content_languages:
        return page.content_languages
    if isinstance(following, Record) and following.kind == "metadata" and following.url == page.url:
        recorded = recorded_languages(parse_fields(following.content.decode("utf-8", "replace")))
        if recorded is not None:
            return recorded
    return languages(page.text)


def _page(record: Record, filename: str, crawl: str, rules: PageRules, watch: Watch) -> tuple[Page, Mapping[str, int]]:
    """The page that a record is, and its formulas by markup."""
    response = _response(record)
    host, domain, path = _address(record.url)
    kind, body = _html(record, response, rules)
    charset = _charset(response.fields.get("content-type", ""))
    extracted, tokens = _extract(record.offset, body, charset, rules, watch)
    page = Page(
        url=record.url,
        url_surtkey=surt(record.url),
        url_host_name=host,
        url_host_registered_domain=domain,
        url_path=path,
        crawl=crawl,
        fetch_time=_time(record.fields),
        content_mime_detected=kind,
        content_languages=record.languages or "",
        content_digest=_digest(record, response),
        warc_filename=filename,
        warc_record_offset=record.offset,
        warc_record_length=record.length,
        text=extracted.text,
        has_math=extracted.has_math,
        token_count=tokens,
        content_truncated=record.fields.get("warc-truncated"),
    )
    return page, extracted.formulas


def _response(record: Record) -> Response:
    """The HTTP response of a record that has one with status 200."""
    if record.kind == "revisit":
        raise _RejectedError("revisit")
    if record.kind not in TYPES:
        raise _RejectedError("record_type_unknown", record.kind[:100])
    if record.kind != "response":
        raise _RejectedError(f"record_type_{record.kind}")
    if record.url.startswith("dns:"):
        raise _RejectedError("dns")
    response = parse_response(record.content)
    if response is None:
        raise _RejectedError("not_http")
    if response.status != 200:
        raise _RejectedError(f"http_status_{response.status}")
    return response


def _html(record: Record, response: Response, rules: PageRules) -> tuple[str, bytes]:
    """Media type and decoded body of a page."""
    declared = record.fields.get("warc-identified-payload-type") or response.fields.get("content-type", "")
    try:
        body = decoded_body(response, rules.max_bytes)
    except CodingError as error:
        raise _RejectedError("bad_encoding", str(error)) from None
    kind = detected_type(declared, body)
    if kind not in PAGES:
        raise _RejectedError("not_html" if body.strip() else "empty", kind)
    if record.size > len(record.content) or len(body) > rules.max_bytes:
        raise _RejectedError("too_large", f"more than {rules.max_bytes} bytes")
    if not body.strip():
        raise _RejectedError("empty")
    return kind, body


def _extract(offset: int, body: bytes, charset: str | None, rules: PageRules, watch: Watch) -> tuple[Extracted, int]:
    """The page's text and the number of its words."""
    try:
        with watch(offset):
            extracted = extract(body, charset=charset)
            tokens = count_words(extracted.text)
    except PageTimeoutError:
        raise _RejectedError("timeout") from None
    except GivenUpError as error:
        raise _RejectedError(str(error), "it ended the process that read it") from None
    except Exception as error:  # noqa: BLE001 (one page of billions must not end the rest)
        raise _RejectedError("extraction_failed", f"{type(error).__name__}: {error}"[:LONGEST_DETAIL]) from None
    text = extracted.text
    if len(text) < rules.min_bytes and (size := len(text.encode())) < rules.min_bytes:
        raise _RejectedError("too_short", f"{size} bytes of text")
    if text.count("\ufffd") > MOST_UNREADABLE * len(text):
        raise _RejectedError("bad_encoding", "too much of it is no text in any character set")
    return extracted, tokens


def _charset(content_type: str) -> str | None:
    """The character set that a Content-Type field names."""
    found = CHARSET.search(content_type)
    return found[1].lower() if found else None


def _digest(record: Record, response: Response) -> str:
    """SHA-1 of the body in base 32, as the record tells it, or as it is where the record does not."""
    given = record.fields.get("warc-payload-digest", "")
    return given.removeprefix("sha1:") if given.startswith("sha1:") else payload_digest(response)


def _time(fields: dict[str, str]) -> datetime | None:
    """When the page was fetched; None where its record has no proper date."""
    try:
        if "arc-date" in fields:
            return datetime.strptime(fields["arc-date"], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        time = datetime.fromisoformat(fields.get("warc-date", ""))
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _address(url: str) -> tuple[str, str | None, str]:
    """Host name, registered domain and path of a page's URL."""
    parts = split(url)
    if not parts.host:
        raise _RejectedError("bad_url", "it names no host")
    return parts.host, registry_domain(parts.host), parts.path
