"""The HTTP response inside a record: its status, its fields, and its body with transfer and content codings undone.

Common Crawl stores bodies decoded and renames the fields that said otherwise; other crawlers store what was sent, or
decode it and keep the fields. So a field is believed only where the body bears it out.
"""

import base64
import hashlib
import re
import zlib
from io import BytesIO
from typing import Any, NamedTuple

from fastwarc.stream_io import BrotliReader, ZstdReader

from mathmill.corpus.records import parse_fields

STATUS = re.compile(rb"(?:HTTP/\d\.\d|HTTP/[23]|ICY)[ \t]+(\d{3})(?!\d)")
ZSTD = b"\x28\xb5\x2f\xfd"
GZIP = b"\x1f\x8b"
STEP = 1 << 16
LONGEST_CHUNK_LINE = 256


class Response(NamedTuple):
    """An HTTP response as it was recorded."""

    status: int
    fields: dict[str, str]
    """Names in lower case."""
    body: bytes
    """Transfer and content codings still on."""


class CodingError(Exception):
    """The body is not what its Content-Encoding says."""


def parse_response(content: bytes) -> Response | None:
    """The response that `content` holds; None if it does not start with a status line."""
    status = STATUS.match(content)
    if status is None:
        return None
    crlf = content.find(b"\n\r\n")
    lf = content.find(b"\n\n", 0, crlf if crlf >= 0 else len(content))
    end = lf + 2 if lf >= 0 else crlf + 3 if crlf >= 0 else len(content)
    return Response(int(status[1]), parse_fields(content[status.end() : end].decode("latin-1")), content[end:])


def decoded_body(response: Response, limit: int) -> bytes:
    """The page that the server sent, at most `limit` + 1 bytes of it.

    A body that ends early is decoded as far as it goes.

    Raises:
        CodingError: it cannot be decoded.
    """
    body = response.body
    if "chunked" in response.fields.get("transfer-encoding", "").lower():
        body = _unchunked(body)
    for coding in reversed(response.fields.get("content-encoding", "").lower().split(",")):
        try:
            body = _without(coding.strip(), body, limit)
        except CodingError:
            if not body.lstrip().startswith(b"<"):
                raise
    return body[: limit + 1] if len(body) > limit else body


def payload_digest(response: Response) -> str:
    """SHA-1 of the body as it was recorded, in base 32: Common Crawl's `content_digest`."""
    return base64.b32encode(hashlib.sha1(response.body, usedforsecurity=False).digest()).decode()


def _unchunked(body: bytes) -> bytes:
    """The chunks put together; the body as it is if it does not start with a chunk."""
    parts: list[bytes] = []
    at = 0
    while (line_end := body.find(b"\n", at, at + LONGEST_CHUNK_LINE)) >= 0:
        digits = body[at:line_end].partition(b";")[0].strip()
        if not re.fullmatch(rb"[0-9a-fA-F]{1,8}", digits):
            break
        size = int(digits, 16)
        if not size:
            return b"".join(parts)
        parts.append(body[line_end + 1 : line_end + 1 + size])
        at = line_end + 1 + size
        at += 2 if body.startswith(b"\r\n", at) else 1 if body.startswith(b"\n", at) else 0
    return b"".join(parts) if parts else body


def _without(coding: str, body: bytes, limit: int) -> bytes:
    if coding in ("gzip", "x-gzip"):
        return _inflated(body, 31, limit) if body.startswith(GZIP) else body
    if coding == "deflate":
        is_zlib = len(body) > 1 and body[0] & 15 == zlib.DEFLATED and int.from_bytes(body[:2]) % 31 == 0
        return _inflated(body, 15 if is_zlib else -15, limit)
    if coding == "br":
        return _read(BrotliReader(BytesIO(body)), limit)
    if coding == "zstd":
        return _read(ZstdReader(BytesIO(body)), limit) if body.startswith(ZSTD) else body
    return body


def _inflated(body: bytes, window: int, limit: int) -> bytes:
    try:
        return zlib.decompressobj(wbits=window).decompress(body, limit + 1)
    except zlib.error as error:
        raise CodingError(str(error)) from None


def _read(reader: Any, limit: int) -> bytes:
    """What `reader` gives before it fails or has given more than `limit` bytes."""
    parts: list[bytes] = []
    left = limit + 1
    try:
        while left > 0 and (part := reader.read(min(left, STEP))):
            parts.append(part)
            left -= len(part)
    except OSError as error:
        if not parts:
            raise CodingError(str(error)) from None
    return b"".join(parts)
