"""The bytes of a page as UTF-8, whatever they were written in.

Order of trust: byte order mark, the HTTP header's charset, the page's own declaration, detection. The first of these
that decodes the whole page without an error is taken. If none does, it is the first declared one with U+FFFD for what
is wrong, or the detected one where more than a tenth of the characters would be wrong. One exception to the order:
pages that are UTF-8 with characters beyond ASCII are so against a header that names a Latin character set, since
servers add such a header to every page by default.
"""

import codecs
import re

from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5

BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
DECLARATION = re.compile(rb"(?i)<(?:meta|\?xml)\b[^>]{0,300}?(?:charset|encoding)\s*=\s*[\"']?\s*([\w.:-]{1,40})")
DECLARED_WITHIN = 4096
"""Bytes in which a page's own declaration is looked for; the standard asks for 1,024."""
SUPERSETS = {
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "cp936": "gb18030",
    "ms936": "gb18030",
    "hz-gb-2312": "hz",
    "hz": "hz",
    "cp950": "big5hkscs",
    "big5": "big5hkscs",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
}
"""Encoding by label, where the pages under that label really use one with more characters."""
LATIN = frozenset({"cp1252", "iso8859-1", "iso8859-15"})
ASCII = bytes(range(128))
CHINESE = ("gb18030", "big5hkscs")
COMMONEST = "的一是不了在有人，。、"  # noqa: RUF001
TOLERATED = 0.1
"""Share of wrong characters among those beyond ASCII up to which a declaration is believed."""


def to_utf8(body: bytes, charset: str | None = None) -> bytes:
    """A page's bytes in UTF-8, without byte order mark. Decodes any bytes.

    Args:
        body: the page.
        charset: the charset of the HTTP header, if it names one.
    """
    for mark, encoding in BYTE_ORDER_MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(encoding, "replace").encode("utf-8", "replace")
    if body.isascii() and not any(escape in body for escape in (b"\x1b", b"~{", b"\0")):
        return body
    declared = _declared(body, charset)
    for encoding in ("utf-8", *declared) if declared[:1] and declared[0] in LATIN else (*declared, "utf-8"):
        try:
            text = body.decode(encoding)
        except UnicodeDecodeError:
            continue
        return body if encoding == "utf-8" else text.encode("utf-8", "replace")
    if declared:
        text = body.decode(declared[0], "replace")
        if text.count("\ufffd") <= TOLERATED * len(body.translate(None, ASCII)):
            return text.encode("utf-8", "replace")
    return body.decode(_detected(body), "replace").encode("utf-8", "replace")


def _declared(body: bytes, charset: str | None) -> list[str]:
    """The encodings that the header and the page name, in order of trust."""
    own = DECLARATION.search(body, 0, DECLARED_WITHIN)
    labels = (charset or "", own[1].decode("ascii", "replace") if own else "")
    return [codec for label in labels if (codec := _codec(label, body))]


def _detected(body: bytes) -> str:
    """The likeliest encoding of undeclared bytes.

    The detector takes Big5 for GB 18030, in which nearly all bytes mean something; the commonest characters of Chinese,
    which both hold, tell them apart.
    """
    detected = _codec(detect_encoding(body) or "", body) or "cp1252"
    if detected not in CHINESE:
        return detected
    texts = {encoding: body.decode(encoding, "ignore") for encoding in CHINESE}
    return max(CHINESE, key=lambda encoding: sum(map(texts[encoding].count, COMMONEST)))


def _codec(label: str, body: bytes) -> str | None:
    """Python's name of an encoding, or None for one that is unknown or cannot be this page's."""
    label = label.strip(" \t\"'").lower()
    name = SUPERSETS.get(label) or map_encoding_to_html5(label, fallback_utf8=False)
    if name is None:
        return None
    if name.startswith("utf-16") and b"\0" not in body[:DECLARED_WITHIN]:
        return "utf-8"
    try:
        return codecs.lookup(SUPERSETS.get(name, name)).name
    except LookupError:
        return None
