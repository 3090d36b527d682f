"""A web server that has a list of crawls."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class ListOfCrawls(ThreadingHTTPServer):
    """Serves the list as it is now, the newest crawl first, as Common Crawl does."""

    status = 200

    def __init__(self, crawls: Sequence[str]) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.crawls = list(crawls)
        self.agents: list[str] = []
        """Who asked, each time."""

    @property
    def address(self) -> str:
        """The list's."""
        return f"http://127.0.0.1:{self.server_port}/collinfo.json"


class _Answer(BaseHTTPRequestHandler):
    server: ListOfCrawls

    def do_GET(self) -> None:
        self.server.agents.append(self.headers["User-Agent"])
        body = json.dumps([{"id": crawl, "name": "a crawl"} for crawl in reversed(self.server.crawls)]).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@contextmanager
def serving_list(crawls: Sequence[str]) -> Iterator[ListOfCrawls]:
    """The server, on this machine, until the block ends."""
    with ListOfCrawls(crawls) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
