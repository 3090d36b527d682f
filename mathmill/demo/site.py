"""A small web server on the loopback interface that answers for several host names."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

from typing_extensions import override

LOOPBACK = "127.0.0.1"


@contextmanager
def serve(pages: Mapping[str, bytes], date: datetime) -> Iterator[int]:
    """Serve HTML pages until the block ends.

    Args:
        pages: HTML by URL; the host is matched with the Host header, as no name server knows it.
        date: the time that every answer gives as its Date.

    Yields:
        The port on 127.0.0.1.
    """
    site = {(urlsplit(url).netloc, urlsplit(url).path): html for url, html in pages.items()}
    handler = type("Handler", (_Handler,), {"site": site, "clock": format_datetime(date, usegmt=True)})
    with ThreadingHTTPServer((LOOPBACK, 0), handler) as server:
        thread = Thread(target=server.serve_forever, name="demo site", daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    site: Mapping[tuple[str, str], bytes]
    clock: str
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        html = self.site.get((self.headers.get("Host", ""), self.path))
        body = b"<!DOCTYPE html><title>Not found</title><p>Not found" if html is None else html
        self.send_response(404 if html is None else 200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @override
    def date_time_string(self, timestamp: float | None = None) -> str:
        return self.clock

    @override
    def version_string(self) -> str:
        return "mathmill-demo"

    @override
    def log_message(self, format: str, *args: object) -> None:
        pass
