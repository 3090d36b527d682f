"""Small WARC and ARC files for tests, with the place of every record in them."""

import gzip
from collections.abc import Sequence
from dataclasses import dataclass

DATE = "2026-01-05T12:00:00Z"
ARC_DATE = "20260105120000"


@dataclass(frozen=True)
class Stored:
    """A record, as it stands in a file that is not compressed."""

    kind: str
    url: str
    content: bytes
    data: bytes


def warc_record(kind: str, url: str, content: bytes, fields: str = "") -> Stored:
    """A WARC record; `fields` are further header lines, each ended by CRLF."""
    target = f"WARC-Target-URI: {url}\r\n" if url else ""
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\n{target}WARC-Date: {DATE}\r\n{fields}Content-Length: {len(content)}\r\n\r\n"
    )
    return Stored(kind, url, content, head.encode() + content + b"\r\n\r\n")


def arc_record(kind: str, url: str, content: bytes) -> Stored:
    """An ARC record."""
    line = f"{url} 127.0.0.1 {ARC_DATE} text/html {len(content)}\n"
    return Stored(kind, url, content, line.encode() + content + b"\n")


def http(body: bytes, head: str = "Content-Type: text/html", status: str = "200 OK") -> bytes:
    """An HTTP response."""
    return f"HTTP/1.1 {status}\r\n{head}\r\n\r\n".encode() + body


def page(text: str) -> bytes:
    """An HTML page with one paragraph."""
    return f"<!DOCTYPE html><html><head><title>t</title></head><body><p>{text}</p></body></html>".encode()


def archive(records: Sequence[Stored], layout: str) -> tuple[bytes, list[tuple[int, int]]]:
    """A file in one of the layouts `members` (a gzip member a record), `plain` and `one` (one gzip member).

    Returns:
        Its bytes, and of every record offset and length in it; of layout `one` those of the file for each.
    """
    if layout == "one":
        data = gzip.compress(b"".join(record.data for record in records), mtime=0)
        return data, [(0, len(data))] * len(records)
    parts = [gzip.compress(one.data, mtime=0) if layout == "members" else one.data for one in records]
    places, offset = [], 0
    for part in parts:
        places.append((offset, len(part)))
        offset += len(part)
    return b"".join(parts), places
