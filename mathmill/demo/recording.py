"""Recording web pages as WARC files in Common Crawl's layout.

```
<root>/crawl-data/<crawl id>/warc.paths.gz
<root>/crawl-data/<crawl id>/segments/<segment>/warc/<crawl id's date>-….warc.gz     gzip member by gzip member a record
```
"""

import gzip
import hashlib
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fastwarc.stream_io import GzipWriter
from fastwarc.warc import WarcRecord, WarcRecordType

from mathmill.demo.site import LOOPBACK

CRLF = "\r\n"


def crawl_id(date: datetime) -> str:
    """Common Crawl's name of the crawl of a week: `CC-MAIN-<year>-<week>`."""
    year, week, _ = date.isocalendar()
    return f"CC-MAIN-{year}-{week:02d}"


def record(urls: Sequence[str], port: int, root: Path, date: datetime, files: int) -> Path:
    """Fetch pages from the loopback server at `port` and write them into WARC files.

    A page's file and place in it follow from a hash of its URL, so that every file holds pages of all hosts, as
    Common Crawl's do. Records carry `date` and not the time of day of their own fetch: two recordings of one date
    and one content are equal byte for byte.

    Returns:
        The list of files, `warc.paths.gz`.
    """
    crawl = Path("crawl-data") / crawl_id(date)
    folder = crawl / "segments" / f"{int(date.timestamp())}.0" / "warc"
    (root / folder).mkdir(parents=True)
    span = f"{date:%Y%m%d%H%M%S}-{date + timedelta(hours=3):%Y%m%d%H%M%S}"
    ordered = sorted(urls, key=lambda url: hashlib.sha1(url.encode(), usedforsecurity=False).digest())
    names = [folder / f"CC-MAIN-{span}-{number:05d}.warc.gz" for number in range(files)]
    connection = HTTPConnection(LOOPBACK, port)
    for number, name in enumerate(names):
        part = ordered[number * len(ordered) // files : (number + 1) * len(ordered) // files]
        _write_file(root / name, part, connection, date)
    connection.close()
    listing = root / crawl / "warc.paths.gz"
    listing.write_bytes(gzip.compress("".join(f"{name}\n" for name in names).encode(), mtime=0))
    return listing


def _write_file(path: Path, urls: Sequence[str], connection: HTTPConnection, date: datetime) -> None:
    fields = {
        "isPartOf": crawl_id(date),
        "description": "documentation of installed Python packages, recorded for mathmill's demo",
        "format": "WARC File Format 1.0",
        "robots": "not asked: the site is the recorder's own",
    }
    about = "".join(f"{name}: {value}{CRLF}" for name, value in fields.items()).encode()
    kind = WarcRecordType.warcinfo
    with GzipWriter(str(path), compression_level=6) as stream:
        _write(stream, kind, "application/warc-fields", about, date, path.name, {"WARC-Filename": path.name})
        for url in urls:
            _write_page(stream, url, connection, date)


def _write_page(stream: Any, url: str, connection: HTTPConnection, date: datetime) -> None:
    """Fetch a page; write the request and the response record."""
    parts = urlsplit(url)
    asked = {"Host": parts.netloc, "User-Agent": "mathmill-demo", "Accept": "text/html"}
    connection.request("GET", parts.path, headers=asked)
    answer = connection.getresponse()
    body = answer.read()
    sent = f"GET {parts.path} HTTP/1.1{CRLF}{_lines(asked.items())}{CRLF}".encode("latin-1")
    head = f"HTTP/1.1 {answer.status} {answer.reason}{CRLF}{_lines(answer.getheaders())}{CRLF}".encode("latin-1")
    headers = {"WARC-Target-URI": url, "WARC-IP-Address": LOOPBACK}
    response = WarcRecordType.response
    urn = _write(stream, response, "application/http; msgtype=response", head + body, date, url, headers, payload=body)
    headers["WARC-Concurrent-To"] = f"<urn:uuid:{urn}>"
    _write(stream, WarcRecordType.request, "application/http; msgtype=request", sent, date, url, headers)


def _lines(headers: Any) -> str:
    return "".join(f"{name}: {value}{CRLF}" for name, value in headers)


def _write(
    stream: Any,
    kind: WarcRecordType,
    content_type: str,
    content: bytes,
    date: datetime,
    name: str,
    headers: dict[str, str],
    payload: bytes | None = None,
) -> uuid.UUID:
    """Write one record; its id follows from its content type, date and `name`."""
    urn = uuid.uuid5(uuid.NAMESPACE_URL, f"{date.isoformat()} {content_type} {name}")
    record = WarcRecord()
    record.init_headers(kind, record_urn=f"uuid:{urn}".encode())
    record.record_date = date
    record.headers["Content-Type"] = content_type
    for header, value in headers.items():
        record.headers[header] = value
    record.set_bytes_content(content)
    digest = None if payload is None else hashlib.sha1(payload, usedforsecurity=False).digest()
    record.write(stream, checksum_data=True, payload_digest=digest)
    stream.finish()  # the end of the gzip member, so that the record can be read from its offset
    return urn
