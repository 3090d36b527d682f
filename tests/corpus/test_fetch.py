"""WARC files from a web server that breaks off in the middle."""

import gzip
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from typing_extensions import override

from mathmill.corpus import fetch
from mathmill.corpus.fetch import listed_urls, listing_url, opened
from mathmill.corpus.ingest import warc_files
from mathmill.errors import UserError

CONTENT = bytes(range(256)) * 4096
LISTING = gzip.compress(b"crawl-data/CC-MAIN-2026-01/a.warc.gz\ncrawl-data/CC-MAIN-2026-01/b.warc.gz\n")


class _Breaking(BaseHTTPRequestHandler):
    """Sends half of what it promised until it was asked three times."""

    asked: list[str]

    def do_GET(self) -> None:
        if self.path.endswith("paths.gz"):
            self._send(200, LISTING, len(LISTING))
        elif self.path.endswith("none"):
            self._send(404, b"", 0)
        else:
            start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
            self.asked.append(self.headers["Range"])
            rest = CONTENT[start:]
            self._send(206, rest if len(self.asked) > 2 else rest[: len(rest) // 2], len(rest))

    def _send(self, status: int, body: bytes, promised: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(promised))
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Breaking,), {"asked": asked})) as running:
        thread = Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", asked
        running.shutdown()
        thread.join()


def test_a_broken_download_goes_on_where_it_broke(
    server: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch.time, "sleep", lambda _: None)
    url, asked = server
    with opened(f"{url}/a.warc.gz") as stream:
        assert stream.read() == CONTENT
    size = len(CONTENT)
    assert asked == ["bytes=0-", f"bytes={size // 2}-", f"bytes={size // 2 + size // 4}-"]


def test_a_listing_names_files_on_its_server(server: tuple[str, list[str]]) -> None:
    url, _ = server
    folder = f"{url}/crawl-data/CC-MAIN-2026-01"
    assert warc_files([f"{folder}/warc.paths.gz"]) == [f"{folder}/a.warc.gz", f"{folder}/b.warc.gz"]
    assert listing_url("CC-MAIN-2026-01") == "https://data.commoncrawl.org/crawl-data/CC-MAIN-2026-01/warc.paths.gz"


def test_an_unknown_crawl_and_an_unreachable_server_are_user_errors(server: tuple[str, list[str]]) -> None:
    with pytest.raises(UserError, match="answers 404"):
        listed_urls(f"{server[0]}/none")
    with pytest.raises(UserError, match="cannot be reached"):
        listed_urls("http://127.0.0.1:9/crawl-data/warc.paths.gz")
