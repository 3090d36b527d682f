"""Many requests at once that change Airflow's database."""

import socket
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import requests

from tests.plugins.conftest import Client


def _set_variable(server: str, client: Client, key: str) -> int:
    headers = dict(client("ann", "ADMIN").headers)
    body = {"key": key, "value": "1"}
    return requests.post(f"{server}/api/v2/variables", json=body, headers=headers, timeout=300).status_code


def test_requests_that_come_together_all_change_the_database(server: str, client: Client) -> None:
    with ThreadPoolExecutor(8) as beside:
        answers = beside.map(lambda number: _set_variable(server, client, f"number_{number}"), range(40))
        assert set(answers) == {201}


def test_a_client_that_stops_halfway_holds_nobody_back(server: str, client: Client) -> None:
    address = urlsplit(server)
    with socket.create_connection((address.hostname, address.port)) as half:
        half.sendall(b"POST /api/v2/variables HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        assert _set_variable(server, client, "meanwhile") == 201
