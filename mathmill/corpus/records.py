r"""The records of WARC and ARC files, each with its place in the file, past whatever is damaged.

fastwarc's own iterator reads a healthy file 40 µs a page sooner; but it ends at a cut without a word, takes what a
record lacks out of the next gzip member, and knows no ARC. Here a record is handed out only when all of it is there and
its member's check sum is right, and damage costs the records that it touches and no others: reading goes on at the
next gzip member that starts with a record, or, in what is not compressed, at the next line that does.

WARC is ISO 28500. An ARC record is a line `URL IP date type length` and its content.
"""

import re
from collections.abc import Iterator
from typing import IO, NamedTuple

from mathmill.corpus.members import MemberError, gzip_pieces, is_gzip, next_member, plain_pieces

MAX_HEAD = 1 << 16
"""Bytes of a record's own header, at most."""
KEPT = 1 << 16
"""Bytes that are kept of a content beyond the limit: its HTTP header is in them."""
_FIRST_LINE = (
    rb"WARC/\d\.\d+\r?\n|[a-z][a-z0-9+.-]{1,15}:[^\n]{0,8192}? [\d.:a-fA-F]{3,45} \d{14} [^\n]{0,256}?\d+\r?\n"
)
START = re.compile(_FIRST_LINE)
LATER_START = re.compile(rb"\n(?=" + _FIRST_LINE + rb")")
LONGEST_LINE = 9000
ARC_LINE = re.compile(r"(\S.*) \S+ (\d{14}) (\S*).*?(\d+)\r?\n$")
BLANK = b"\r\n"
FOLD = re.compile(r"\r?\n[ \t]+")
"""A field's value may go on in a line that starts with white space."""


class Record(NamedTuple):
    """One record. An ARC record has the fields of the WARC record that it would be."""

    kind: str
    """Its `WARC-Type`; of an ARC file's own description `filedesc`."""
    url: str
    fields: dict[str, str]
    """Its header; names in lower case."""
    content: bytes
    """Of a content beyond the limit the first `KEPT` bytes."""
    size: int
    """Bytes of the whole content."""
    offset: int
    """Where the record, or the gzip member that holds it, starts in the file."""
    length: int | None
    """Bytes of the file from there to the record's end; None where several records share a member."""
    languages: str | None = None
    """Of the page, where the columnar index gives them."""


class Damage(NamedTuple):
    """A part of the file in which there is no intact record, or not the one that is wanted."""

    offset: int
    length: int
    detail: str
    reason: str = "damaged_record"
    url: str | None = None
    """Of the record that is wanted."""


class NotAnArchiveError(Exception):
    """The file is neither a WARC nor an ARC file."""


class _Place(NamedTuple):
    """Where a record starts."""

    offset: int
    """In the file; of what is compressed, the gzip member's."""
    depth: int
    """Decompressed bytes of the member before it."""


class _DamageError(Exception):
    """What is read is no intact record."""


def read_records(stream: IO[bytes], limit: int, start: int = 0, end: int | None = None) -> Iterator[Record | Damage]:
    """The records of a file that start in it between two offsets, and the damage there.

    Args:
        stream: the file; it is moved back only to get past damage.
        limit: contents of more bytes are cut (`KEPT`).
        start: where a split of a gzip file begins; its first record is the first that starts there or later.
        end: where the split ends and the next one begins.

    Raises:
        NotAnArchiveError: the file starts with neither a record nor a gzip member.
        OSError: it cannot be read.
    """
    compressed = is_gzip(stream)
    if not compressed:
        first = stream.read(MAX_HEAD).lstrip(BLANK)
        if first and not START.match(first):
            raise NotAnArchiveError("it starts with neither a WARC or ARC record nor a gzip member")
    reader = _Reader(stream, limit, compressed)
    reader.open(next_member(stream, start, _is_start) if start else 0)
    return reader.records(end)


def parse_fields(head: str) -> dict[str, str]:
    """Header fields by their names in lower case, of WARC, HTTP or mail; of a name that stands twice the last."""
    if "\n " in head or "\n\t" in head:
        head = FOLD.sub(" ", head)
    fields: dict[str, str] = {}
    for line in head.split("\n"):
        name, colon, value = line.partition(":")
        if colon:
            fields[name.strip().lower()] = value.strip()
    return fields


def crawl_of(record: Record) -> str:
    """The id of the crawl that a `warcinfo` record gives; empty if it is none or gives none."""
    if record.kind != "warcinfo":
        return ""
    return parse_fields(record.content.decode("utf-8", "replace")).get("ispartof", "")


def _is_start(first: bytes) -> bool:
    return START.match(first.lstrip(BLANK)) is not None


class _Reader:
    """The decompressed bytes of a file from a cursor on, and the place in the file that they come from."""

    def __init__(self, stream: IO[bytes], limit: int, compressed: bool) -> None:
        self._stream = stream
        self._limit = limit
        self._compressed = compressed
        self._start: _Place | None = None
        """Of the record that is being read."""

    def open(self, offset: int) -> None:
        """Go on at an offset of the file: a gzip member's where it is compressed."""
        self._pieces = (gzip_pieces if self._compressed else plain_pieces)(self._stream, offset)
        self._data, self._at = b"", 0
        self._member = offset
        """Offset in the file of the member of the last piece; of a file that is not compressed, where reading began."""
        self._read = 0
        """Decompressed bytes read of that member so far."""
        self._member_end: int | None = offset if self._compressed else None
        """Where that member ended in the file, once all of it is read."""

    def records(self, end: int | None) -> Iterator[Record | Damage]:
        """Every record and every damage that starts before `end`; what is damaged right at `end` too."""
        while True:
            try:
                if not self._begin(end):
                    return
                found: Record | Damage = self._record()
            except (_DamageError, MemberError) as error:
                found = self._pass(error)
            yield found

    def _begin(self, end: int | None) -> bool:
        """Move to the next record; False if there is none before `end`."""
        self._start = None
        while self._skip_blank():
            if end is not None and self._is_after(end):
                return False
            if not self._more():
                return False
        return True

    def _is_after(self, end: int) -> bool:
        """Whether the next member is the next split's: one that starts with a record; a damaged one is still ours."""
        at = self._member_end
        return at is not None and at >= end and next_member(self._stream, at, _is_start) == at

    def _record(self) -> Record:
        self._start = start = self._place()
        head = self._head()
        if head.startswith("WARC/"):
            fields = parse_fields(head)
            kind, url = fields.get("warc-type", "").lower(), fields.get("warc-target-uri", "").strip("<> ")
        else:
            kind, url, fields = _arc_header(head)
        length = fields.get("content-length", "")
        if not (length.isascii() and length.isdigit() and len(length) < 16):
            raise _DamageError(f"its Content-Length is '{length[:40]}'")
        size = int(length)
        content = self._content(size)
        self._end_record(1 if "arc-date" in fields else 2)
        return Record(kind, url, fields, content, size, start.offset, self._length(start))

    def _head(self) -> str:
        """The record's header, or an ARC record's line."""
        while not (end := _head_end(self._data, self._at)):
            if len(self._data) - self._at > MAX_HEAD:
                raise _DamageError("its header does not end")
            self._more_of_record()
        if not START.match(self._data, self._at):
            raise _DamageError("no record starts here")
        head = self._data[self._at : end].decode("utf-8", "replace")
        self._at = end
        return head

    def _content(self, size: int) -> bytes:
        """The content, or its first bytes if it is beyond the limit, with the cursor after all of it."""
        kept = size if size <= self._limit else KEPT
        while len(self._data) - self._at < kept:
            self._more_of_record()
        content = self._data[self._at : self._at + kept]
        left = size
        while len(self._data) - self._at < left:
            left -= len(self._data) - self._at
            self._at = len(self._data)
            self._more_of_record()
        self._at += left
        return content

    def _end_record(self, newlines: int) -> None:
        """Pass over what ends a record; where its content ends elsewhere than its header says, it is damaged."""
        begun = self._at
        at_end = self._skip_blank()
        while at_end and self._member_end is None and self._more():
            begun = self._at
            at_end = self._skip_blank()
        if at_end or self._data.count(b"\n", begun, self._at) >= newlines:
            return
        if len(self._data) - self._at < LONGEST_LINE and self._member_end is None:
            self._more()
        if not START.match(self._data, self._at):
            raise _DamageError("its content does not end where its Content-Length says")

    def _length(self, start: _Place) -> int | None:
        if not self._compressed:
            return self._place().offset - start.offset
        is_alone = start == (self._member, 0) and self._at == len(self._data)
        return self._member_end - start.offset if is_alone and self._member_end is not None else None

    def _place(self) -> _Place:
        unread = len(self._data) - self._at
        if not unread and self._member_end is not None:
            return _Place(self._member_end, 0)
        passed = self._read - unread
        return _Place(self._member, passed) if self._compressed else _Place(self._member + passed, 0)

    def _more(self) -> bool:
        """Read the next piece after what is still unread; False at the end of the file."""
        piece = next(self._pieces, None)
        if piece is None:
            return False
        self._data = self._data[self._at :] + piece.data
        self._at = 0
        if piece.begins:
            self._member, self._read = piece.member, 0
        self._read += len(piece.data)
        self._member_end = piece.end
        return True

    def _more_of_record(self) -> None:
        """Read on inside a record.

        Raises:
            _DamageError: the file ends, or another record begins.
        """
        is_new_member, unread = self._member_end is not None, len(self._data) - self._at
        if not self._more():
            raise _DamageError("the file ends inside it")
        if is_new_member and START.match(self._data, unread):
            raise _DamageError("another record starts inside it")

    def _skip_blank(self) -> bool:
        """Pass over line ends; True if nothing else is left of what is read."""
        data, at, size = self._data, self._at, len(self._data)
        while at < size and data[at] in BLANK:
            at += 1
        self._at = at
        return at == size

    def _pass(self, error: "_DamageError | MemberError") -> Damage:
        """Go on at the next record after what is damaged."""
        detail = str(error)
        lost = self._start or _Place(error.member if isinstance(error, MemberError) else self._member, 0)
        while True:
            try:
                if isinstance(error, MemberError):
                    self.open(next_member(self._stream, error.member + 1, _is_start))
                else:
                    self._open_after(lost)
            except MemberError as another:
                error = another
            else:
                return Damage(lost.offset, self._place().offset - lost.offset, detail)

    def _open_after(self, lost: _Place) -> None:
        """Go on at the next line after `lost` that starts a record, or at the end of the file."""
        self.open(lost.offset)
        skip = lost.depth + 1
        while skip > len(self._data):
            skip -= len(self._data)
            self._at = len(self._data)
            if not self._more():
                return
        self._at = skip
        while not (found := LATER_START.search(self._data, self._at)):
            self._at = max(self._at, len(self._data) - LONGEST_LINE, self._data.rfind(b"\n", self._at))
            unread = len(self._data) - self._at
            is_new_member = self._member_end is not None
            if not self._more():
                self._at = len(self._data)
                return
            if is_new_member:
                self._at = unread
                if START.match(self._data, self._at):
                    return
        self._at = found.end()


def _head_end(data: bytes, at: int) -> int:
    """Where the header at `at` ends, its blank line included, or an ARC record's line; 0 if it is not all there."""
    if not data.startswith(b"WARC/", at):
        return data.find(b"\n", at, at + MAX_HEAD) + 1
    crlf = data.find(b"\n\r\n", at, at + MAX_HEAD)
    lf = data.find(b"\n\n", at, crlf if crlf >= 0 else at + MAX_HEAD)
    return lf + 2 if lf >= 0 else crlf + 3 if crlf >= 0 else 0


def _arc_header(line: str) -> tuple[str, str, dict[str, str]]:
    """Kind, URL and fields of the record that the line of an ARC file begins."""
    found = ARC_LINE.match(line)
    if found is None:
        raise _DamageError("no record starts here")
    url, date, mime, length = found.groups()
    scheme = url.partition(":")[0].lower()
    fields = {"arc-date": date, "content-length": length, "content-type": mime}
    return "filedesc" if scheme == "filedesc" else "response", url, fields
