"""A web server that takes what alerts post."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

SECRET = "s3cr3t"


class Webhook(ThreadingHTTPServer):
    """Keeps the messages."""

    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.told: list[Any] = []


class _Handler(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        status = self.server.status
        self.server.told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


def connect(monkeypatch: pytest.MonkeyPatch, address: str, conn_type: str = "mathmill_webhook") -> None:
    """Make the connection `team`."""
    monkeypatch.setenv("AIRFLOW_CONN_TEAM", json.dumps({"conn_type": conn_type, "password": address}))


@contextmanager
def serving_webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    """The server, which the connection `team` names, until the block ends."""
    with Webhook() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        connect(monkeypatch, f"http://127.0.0.1:{server.server_port}/{SECRET}")
        yield server
        server.shutdown()
