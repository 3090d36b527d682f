"""What a response is, by what its sender says and by what it looks like (Common Crawl's `content_mime_detected`)."""

import re

from resiliparse.parse.encoding import detect_mime

HTML = "text/html"
XHTML = "application/xhtml+xml"
PAGES = (HTML, XHTML)
GENERIC = frozenset(
    [
        "",
        "*/*",
        "application/octet-stream",
        "application/unknown",
        "application/xml",
        "binary/octet-stream",
        "content/unknown",
        "none",
        "text/plain",
        "text/xml",
        "unk",
        "unknown",
        "unknown/unknown",
    ]
)
"""Types that servers send for want of a better one."""
SNIFFED = 4096
"""Bytes that are looked at."""
BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
PROLOGUE = rb"\s*(?:(?:<!--.*?-->|<\?.*?\?>)\s*)*"
DOCUMENT = re.compile(PROLOGUE + rb"<(?:!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL)
FRAGMENT = re.compile(
    PROLOGUE + rb"<(?:head|title|meta|link|script|style|body|h[1-6]|p|div|table|iframe|font|br|b|a|img|ul|ol|center)\b",
    re.IGNORECASE | re.DOTALL,
)
XHTML_NAMESPACE = b"http://www.w3.org/1999/xhtml"


def detected_type(declared: str, body: bytes) -> str:
    """The media type in lower case, without parameters.

    A type that names a format is believed, unless the body is evidently binary; a generic one, or none, gives way to
    what the body looks like. A whole HTML document is HTML even as `text/plain`, a fragment is not.

    Args:
        declared: the Content-Type field, empty if there is none.
        body: decoded.
    """
    kind = declared.partition(";")[0].partition(",")[0].strip().lower()
    if kind not in GENERIC and kind not in PAGES:
        return kind
    first = _as_bytes(body[:SNIFFED])
    if kind in PAGES:
        looks = detect_mime(first)
        return looks if _is_binary(looks) else kind
    if DOCUMENT.match(first) or (kind != "text/plain" and FRAGMENT.match(first)):
        return XHTML if first.lstrip().startswith(b"<?xml") and XHTML_NAMESPACE in first else HTML
    if kind in ("", "unk", "unknown", "unknown/unknown", "application/octet-stream"):
        return detect_mime(first)
    return kind


def _as_bytes(first: bytes) -> bytes:
    """The text without its byte order mark, of UTF-16 only the bytes that are not zero."""
    for bom in BOMS:
        if first.startswith(bom):
            return first[len(bom) :].replace(b"\0", b"")
    return first


def _is_binary(kind: str) -> bool:
    return not kind.startswith("text/") and not kind.endswith("xml") and kind != "application/octet-stream"
