"""Many requests at once that change Airflow's database."""

from concurrent.futures import ThreadPoolExecutor

import requests

from tests.plugins.conftest import Client


def test_requests_that_come_together_all_change_the_database(server: str, client: Client) -> None:
    headers = dict(client("ann", "ADMIN").headers)

    def make(number: int) -> int:
        body = {"key": f"number_{number}", "value": "1"}
        return requests.post(f"{server}/api/v2/variables", json=body, headers=headers, timeout=300).status_code

    with ThreadPoolExecutor(8) as beside:
        assert set(beside.map(make, range(40))) == {201}
