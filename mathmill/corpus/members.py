"""The decompressed bytes of an archive file, with the place in the file that they come from.

Common Crawl's files have a gzip member a record, which is what makes a record readable by its offset alone; others
are one member, or not compressed at all. A member's check sum has been compared before its last bytes are handed out.
"""

import zlib
from collections.abc import Callable, Iterator
from typing import IO, NamedTuple

GZIP = b"\x1f\x8b\x08"
CHUNK = 1 << 18
"""Bytes read from the file at a time."""
STEP = 1 << 14
"""Bytes inflated at a time; what follows a member's end is copied once for each member."""
PIECE = 1 << 20
"""Decompressed bytes handed out at a time, at most."""
LOOK = 1 << 14
"""Bytes, compressed and decompressed, that are looked at to tell whether a member starts with a record."""
PADDING = b"\0\r\n"
"""What may stand between members."""


class MemberError(Exception):
    """A gzip member is damaged or cut off."""

    def __init__(self, message: str, member: int) -> None:
        super().__init__(message)
        self.member = member
        """Its offset in the file."""


class Piece(NamedTuple):
    """A run of decompressed bytes, all of one gzip member where the file is compressed."""

    data: bytes
    member: int
    """Offset in the file of the member; of bytes that are not compressed, their own offset."""
    begins: bool
    """Whether these are the first bytes of the member."""
    end: int | None
    """Offset in the file of what follows the member, if these are its last bytes."""


def plain_pieces(stream: IO[bytes], offset: int) -> Iterator[Piece]:
    """The bytes of a file that is not compressed, from `offset` on."""
    stream.seek(offset)
    while data := stream.read(PIECE):
        yield Piece(data, offset, begins=False, end=None)
        offset += len(data)


def gzip_pieces(stream: IO[bytes], offset: int) -> Iterator[Piece]:
    """The decompressed bytes of the members from the one at `offset` on.

    Raises:
        MemberError: a member is damaged or cut off.
    """
    raw = _Raw(stream, offset)
    while raw.skip(PADDING):
        member, begins = raw.offset, True
        inflater = zlib.decompressobj(wbits=31)
        while not inflater.eof:
            data = _inflate(inflater, raw, member)
            yield Piece(data, member, begins, raw.offset if inflater.eof else None)
            begins = False


def next_member(stream: IO[bytes], offset: int, is_wanted: Callable[[bytes], object]) -> int:
    """Offset of the first gzip member at `offset` or later whose first bytes `is_wanted`; else that of the file's end.

    Only those first bytes are decompressed: whether the rest is intact is not known yet.
    """
    stream.seek(offset)
    window, at_end = b"", False
    while not at_end:
        chunk = stream.read(CHUNK)
        at_end = not chunk
        window += chunk
        found = window.find(GZIP)
        while found >= 0 and (at_end or found + LOOK <= len(window)):
            if is_wanted(first_bytes(window[found : found + LOOK])):
                return offset + found
            found = window.find(GZIP, found + 1)
        if not at_end:
            passed = found if found >= 0 else max(0, len(window) - len(GZIP) + 1)
            window, offset = window[passed:], offset + passed
    return offset + len(window)


def first_bytes(member: bytes) -> bytes:
    """The first decompressed bytes of a gzip member, of which `LOOK` bytes are given; none where it is damaged."""
    try:
        return zlib.decompressobj(wbits=31).decompress(member, LOOK)
    except zlib.error:
        return b""


def _inflate(inflater: "zlib._Decompress", raw: "_Raw", member: int) -> bytes:
    """Up to `PIECE` bytes or the end of the member, whichever comes first."""
    parts: list[bytes] = []
    size = 0
    while size < PIECE and not inflater.eof:
        step = raw.peek(STEP)
        if not step:
            raise MemberError("the file ends inside a gzip member", member)
        try:
            part = inflater.decompress(step, PIECE - size)
        except zlib.error as error:
            raise MemberError(str(error), member) from None
        raw.advance(len(step) - len(inflater.unused_data or inflater.unconsumed_tail))
        parts.append(part)
        size += len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


class _Raw:
    """The file's own bytes: a chunk of them, and where in it the next one is."""

    def __init__(self, stream: IO[bytes], offset: int) -> None:
        stream.seek(offset)
        self._stream = stream
        self._chunk = memoryview(b"")
        self._at = 0
        self._chunk_offset = offset

    @property
    def offset(self) -> int:
        return self._chunk_offset + self._at

    def peek(self, size: int) -> memoryview:
        """The next bytes, `size` of them at most; none at the end of the file."""
        if self._at == len(self._chunk):
            self._chunk_offset += self._at
            self._chunk = memoryview(self._stream.read(CHUNK))
            self._at = 0
        return self._chunk[self._at : self._at + size]

    def advance(self, size: int) -> None:
        self._at += size

    def skip(self, padding: bytes) -> bool:
        """Pass over padding; False if nothing else is left."""
        while step := self.peek(STEP):
            if step[0] not in padding:
                return True
            self.advance(len(step) - len(bytes(step).lstrip(padding)))
        return False
