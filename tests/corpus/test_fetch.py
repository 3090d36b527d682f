"""Files of a web server that breaks off, refuses, ignores ranges or changes its files; and who is told about it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import SimpleNamespace

import pytest
from typing_extensions import override

from mathmill.corpus import fetch
from mathmill.corpus.fetch import TRIES, Client, FetchError, opened

CONTENT = bytes(range(256)) * 16 * 1024
CLIENT = Client("mathmill/1 (+mail@example.org)")


@dataclass
class Server:
    """What the server does, and what it saw."""

    answers: list[str] = field(default_factory=list)
    """For each request in turn, the last for all that follow: `ok`, `half`, `endless`, a status and a header."""
    requests: list[dict[str, str]] = field(default_factory=list)
    ranges: bool = True
    etag: Callable[[int], str | None] = lambda _number: '"v1"'
    url: str = ""

    def asked(self, header: str) -> list[str | None]:
        return [request.get(header) for request in self.requests]


class _Handler(BaseHTTPRequestHandler):
    server_state: Server

    def do_GET(self) -> None:
        state = self.server_state
        state.requests.append(dict(self.headers))
        kind, _, header = state.answers[min(len(state.requests), len(state.answers)) - 1].partition(" ")
        if kind.isdigit():
            self._head(int(kind), 0, dict([header.split(": ")] if header else []))
            return
        start, end = 0, len(CONTENT)
        if (asked := self.headers.get("Range")) and state.ranges:
            first, last = asked.removeprefix("bytes=").split("-")
            start, end = int(first), int(last) + 1 if last else end
            end = min(end, len(CONTENT))
        part = CONTENT[start:end]
        headers = {"ETag": state.etag(len(state.requests)) or ""} if state.etag(len(state.requests)) else {}
        if asked and state.ranges:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(CONTENT)}"
        self._head(206 if asked and state.ranges else 200, None if kind == "endless" else len(part), headers)
        self.wfile.write(part[: len(part) // 2] if kind == "half" else part)

    def _head(self, status: int, length: int | None, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    @override
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()
    handler = type("Handler", (_Handler,), {"server_state": state})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = Thread(target=running.serve_forever, daemon=True)
        thread.start()
        state.url = f"http://127.0.0.1:{running.server_port}/a.warc.gz"
        yield state
        running.shutdown()
        thread.join()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []
    # Not of the module `time`, which other threads sleep by too.
    monkeypatch.setattr(fetch, "time", SimpleNamespace(sleep=waited.append))
    return waited


def _read(server: Server) -> bytes:
    with opened(server.url, CLIENT) as stream:
        return stream.read()


def test_every_request_says_who_asks(server: Server) -> None:
    server.answers = ["ok"]
    assert _read(server) == CONTENT
    assert server.asked("User-Agent") == ["mathmill/1 (+mail@example.org)"]
    assert server.asked("Range") == [None]


def test_a_broken_download_goes_on_where_it_broke(server: Server, waits: list[float]) -> None:
    server.answers = ["half", "half", "ok"]
    assert _read(server) == CONTENT
    size = len(CONTENT)
    assert server.asked("Range") == [None, f"bytes={size // 2}-", f"bytes={size * 3 // 4}-"]
    assert server.asked("If-Range") == [None, '"v1"', '"v1"']
    assert len(waits) == 2
    assert min(waits) >= 1


def test_what_a_server_without_ranges_sends_again_is_passed_over(server: Server, waits: list[float]) -> None:
    server.answers, server.ranges = ["half", "ok"], False
    assert _read(server) == CONTENT
    assert len(server.requests) == 2


def test_refusals_are_waited_out_longer_each_time(server: Server, waits: list[float]) -> None:
    server.answers = ["429", "503", "403", "500", "ok"]
    assert _read(server) == CONTENT
    assert [int(wait >= least) for wait, least in zip(waits, (1, 2, 4, 8), strict=True)] == [1, 1, 1, 1]
    assert max(waits) <= 12


def test_retry_after_is_honoured(server: Server, waits: list[float]) -> None:
    server.answers = ["503 Retry-After: 77", "429 Retry-After: Wed, 21 Oct 2015 07:28:00 GMT", "ok"]
    assert _read(server) == CONTENT
    assert waits[0] == 77
    assert 2 <= waits[1] <= 3


def test_a_server_that_asks_for_too_long_is_left(server: Server, waits: list[float]) -> None:
    server.answers = ["503 Retry-After: 86400"]
    with pytest.raises(FetchError, match="answers 503, and asks to come back in 86400 s"):
        _read(server)
    assert not waits


def test_it_gives_up_after_so_many_tries_and_says_why(server: Server, waits: list[float]) -> None:
    server.answers = ["503"]
    with pytest.raises(FetchError, match=f"a.warc.gz: the server answers 503, after {TRIES} tries"):
        _read(server)
    assert len(server.requests) == TRIES
    assert 600 < sum(waits) < 1000


def test_what_is_not_there_is_asked_for_once(server: Server, waits: list[float]) -> None:
    server.answers = ["404"]
    with pytest.raises(FetchError, match="the server answers 404"):
        _read(server)
    assert len(server.requests) == 1
    assert not waits


@pytest.mark.usefixtures("waits")
def test_a_file_that_changed_in_between_is_no_file(server: Server) -> None:
    server.answers, server.etag = ["half", "ok"], lambda number: f'"v{number}"'
    with pytest.raises(FetchError, match="has changed since reading began"):
        _read(server)


@pytest.mark.usefixtures("waits")
def test_an_unreachable_server_is_named() -> None:
    with (
        pytest.raises(FetchError, match=f"http://127.0.0.1:9/a: ConnectionError, after {TRIES} tries"),
        opened("http://127.0.0.1:9/a", CLIENT) as stream,
    ):
        stream.read()


def test_a_file_of_unknown_length_is_read_to_its_end(server: Server) -> None:
    server.answers = ["endless"]
    assert _read(server) == CONTENT


def test_reading_here_and_there_asks_for_nothing_else(server: Server) -> None:
    server.answers = ["ok"]
    with opened(server.url, CLIENT, exact=True) as stream:
        stream.seek(700_000)
        assert stream.read(300_000) == CONTENT[700_000:1_000_000]
        stream.seek(-3, 2)
        assert stream.read() == CONTENT[-3:]
        assert stream.tell() == len(CONTENT)
    assert server.asked("Range") == ["bytes=700000-999999", "bytes=4194301-4194303"]


def test_of_a_server_without_ranges_a_file_is_read_through_once(server: Server) -> None:
    server.answers, server.ranges = ["ok"], False
    with opened(server.url, CLIENT, exact=True) as stream:
        for start in (5, 400_000, 4_100_000):
            stream.seek(start)
            assert stream.read(100) == CONTENT[start : start + 100]
    assert len(server.requests) == 1
