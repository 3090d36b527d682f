"""Reading files from web servers, politely: what Common Crawl asks of those who read from it.

Every request says who sends it. A failed one is repeated after a second at the earliest, later each time or when the
server's Retry-After says, and given up after `TRIES` in a row without a byte in between; what has arrived is not asked
for again.
"""

import io
import random
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import requests
from typing_extensions import override
from urllib3.exceptions import HTTPError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

TRIES = 12
"""With the waits between them, 11 to 16 minutes."""
LONGEST_WAIT = 120.0
"""Seconds between tries of our own choice."""
LONGEST_ASKED = 3600.0
"""Seconds that a server may ask for with Retry-After."""
TIMEOUT = (30.0, 60.0)
"""Seconds to connect, and between two packets."""
REFUSALS = frozenset([403, 408, 425, 429, 500, 502, 503, 504])
"""Answers after which to try again. CloudFront, in front of Common Crawl, may limit rates by 403."""
CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
BUFFER = 1 << 18
"""Bytes that are read at a time."""
PASSED_OVER = 1 << 20
"""Bytes that are read and dropped rather than asking anew for what follows them."""


class FetchError(OSError):
    """A file cannot be fetched; the message names it and says why."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks."""

    user_agent: str


def client_of(contact: str | None) -> Client:
    """Who reads from web servers: this program, and whom to write to."""
    return Client(f"mathmill/{version('mathmill')}" + (f" (+{contact})" if contact else ""))


def is_remote(name: str) -> bool:
    """Whether `name` is the address of a file on a web server."""
    return name.startswith(("http://", "https://"))


@contextmanager
def opened(name: str, client: Client, *, exact: bool = False) -> Iterator[IO[bytes]]:
    """A file of this machine, of a web server, or of a store that fsspec knows, for reading and seeking.

    Args:
        name: a path or an address.
        client: who asks a web server.
        exact: ask a web server for no more than is read, for reading here and there.

    Raises:
        OSError: it cannot be read.
    """
    if is_remote(name):
        remote = RemoteRanges(name, client) if exact else io.BufferedReader(RemoteFile(name, client), BUFFER)
        with remote:
            yield cast("IO[bytes]", remote)
    elif "://" in name:
        import fsspec

        with fsspec.open(name, "rb") as stored:
            yield stored
    else:
        with Path(name).open("rb") as local:
            yield local


class RemoteFile(io.RawIOBase):
    """A file on a web server, read as it arrives; a broken connection goes on where it broke."""

    def __init__(self, url: str, client: Client) -> None:
        self.etag: str | None = None
        """The server's name of this version of the file, after the first read."""
        self.size: int | None = None
        """In bytes, after the first read, if the server says."""
        self._url = url
        self._session = requests.Session()
        self._session.headers.update({"User-Agent": client.user_agent, "Accept-Encoding": "identity"})
        self._tries = _Tries(url)
        self._answer: requests.Response | None = None
        self._at = 0
        """Offset of the byte to be read next."""
        self._next = 0
        """Offset of the byte that comes next from the server; less than `_at` if some are to be passed over."""
        self._answer_end: int | None = None
        """Offset after the last byte that the server sends; None if it does not say."""
        self._kept = (0, b"")
        """Offset and bytes of what was received last: a short file's reader goes back to its start."""
        self._wanted_end: int | None = None
        self._ignores_ranges = False

    @override
    def readable(self) -> bool:
        return True

    @override
    def seekable(self) -> bool:
        return True

    @override
    def tell(self) -> int:
        return self._at

    @override
    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move, without asking the server for anything before the next read.

        Raises:
            FetchError: `whence` is 2 and the server does not say how long the file is.
        """
        if whence == io.SEEK_END:
            if self.size is None:
                self._ask()
            if self.size is None:
                raise FetchError(f"{self._url}: the server does not say how long it is")
            offset += self.size
        elif whence == io.SEEK_CUR:
            offset += self._at
        self._at = offset
        return offset

    @override
    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Read up to a buffer full.

        Raises:
            FetchError: the server refuses, has another version by now, or fails `TRIES` times.
        """
        view = memoryview(buffer).cast("B")
        while True:
            try:
                data = self._received(min(len(view), BUFFER))
            except FetchError:
                raise
            except (requests.RequestException, HTTPError, OSError) as error:
                self._drop()
                self._tries.failed(type(error).__name__)
            else:
                self._tries.succeeded()
                view[: len(data)] = data
                return len(data)

    @override
    def close(self) -> None:
        if not self.closed:
            self._drop()
            self._session.close()
        super().close()

    def _received(self, size: int) -> bytes:
        start, kept = self._kept
        if start <= self._at < start + len(kept):
            data = kept[self._at - start :][:size]
            self._at += len(data)
            return data
        if self.size is not None and self._at >= self.size:
            return b""
        if not self._is_near():
            self._ask()
        while self._next < self._at:
            self._take(min(self._at - self._next, BUFFER))
        data = self._take(size)
        self._kept, self._at = (self._at, data), self._next
        return data

    def _is_near(self) -> bool:
        """Whether the server is sending the next byte soon."""
        is_sent = self._answer is not None and (self._answer_end is None or self._at < self._answer_end)
        return is_sent and self._next <= self._at and (self._at - self._next <= PASSED_OVER or self._ignores_ranges)

    def _take(self, size: int) -> bytes:
        data: bytes = cast("requests.Response", self._answer).raw.read(size, decode_content=False)
        if not data and self._answer_end is not None and self._next < self._answer_end:
            raise ConnectionError("the connection ended early")
        if not data and self._next < self._at:
            raise FetchError(f"{self._url}: it ends before byte {self._at}")
        self._next += len(data)
        return data

    def _ask(self) -> None:
        """Ask for the bytes from here on, until the server gives them."""
        self._drop()
        headers = {}
        if self._at or self._wanted_end is not None:
            last = "" if self._wanted_end is None else self._wanted_end - 1
            headers = {"Range": f"bytes={self._at}-{last}"} | ({"If-Range": self.etag} if self.etag else {})
        while True:
            try:
                answer = self._session.get(self._url, headers=headers, stream=True, timeout=TIMEOUT)
            except requests.RequestException as error:
                self._tries.failed(type(error).__name__)
                continue
            if answer.status_code not in REFUSALS:
                self._accept(answer)
                return
            answer.close()
            self._tries.failed(f"the server answers {answer.status_code}", answer.headers.get("Retry-After"))

    def _accept(self, answer: requests.Response) -> None:
        """Begin to read an answer: the part that was asked for, or all of the file from its start."""
        self._answer = answer
        if answer.status_code == requests.codes.partial_content:
            found = CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
            if found is None or int(found[1]) != self._at:
                raise FetchError(f"{self._url}: asked for byte {self._at}, the server sends another range")
            self._next, self._answer_end = self._at, int(found[2]) + 1
            size = None if found[3] == "*" else int(found[3])
        elif answer.status_code == requests.codes.ok:
            length = answer.headers.get("Content-Length", "")
            size = int(length) if length.isdigit() else None
            self._next, self._answer_end = 0, size
            self._ignores_ranges = self._at > 0 or self._wanted_end is not None
        else:
            raise FetchError(f"{self._url}: the server answers {answer.status_code}")
        etag = answer.headers.get("ETag")
        if (self.etag and etag and etag != self.etag) or (self.size and size and size != self.size):
            raise FetchError(f"{self._url}: the file has changed since reading began")
        # A weak tag does not promise equal bytes, so it is no help in asking for the rest of them.
        self.etag = etag if etag and not etag.startswith("W/") else self.etag
        self.size = size if size is not None else self.size

    def _drop(self) -> None:
        if self._answer is not None:
            self._answer.close()
            self._answer = None


class RemoteRanges(RemoteFile):
    """A file on a web server of which parts are read: each read asks for its own bytes and no more."""

    @override
    def read(self, size: int = -1, /) -> bytes:
        if size < 0:
            at = self._at
            size = self.seek(0, io.SEEK_END) - self.seek(at)
        data = bytearray(size)
        done = 0
        self._wanted_end = self._at + size
        while done < size and (more := self.readinto(memoryview(data)[done:])):
            done += more
        return bytes(data[:done])

    @override
    def seek(self, offset: int, whence: int = 0, /) -> int:
        if whence == io.SEEK_END and self.size is None:
            self._wanted_end = self._at + 1
        return super().seek(offset, whence)


class _Tries:
    """The tries at one file that failed in a row."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._failures = 0

    def succeeded(self) -> None:
        self._failures = 0

    def failed(self, why: str, retry_after: str | None = None) -> None:
        """Wait until the next try.

        Raises:
            FetchError: this was the last one.
        """
        self._failures += 1
        if self._failures >= TRIES:
            raise FetchError(f"{self._url}: {why}, after {TRIES} tries")
        asked = _asked_seconds(retry_after)
        if asked > LONGEST_ASKED:
            raise FetchError(f"{self._url}: {why}, and asks to come back in {asked:.0f} s")
        # Spread, so that many tasks that a server turned away at once do not come back at once.
        ours = min(LONGEST_WAIT, 2.0 ** (self._failures - 1)) * random.uniform(1.0, 1.5)  # noqa: S311
        time.sleep(max(ours, asked))


def _asked_seconds(retry_after: str | None) -> float:
    """The seconds of a Retry-After field, which gives them or a date."""
    if retry_after is None:
        return 0.0
    if retry_after.strip().isdigit():
        return float(retry_after)
    try:
        return (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError):
        return 0.0
