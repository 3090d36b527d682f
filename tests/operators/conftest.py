"""What several tests of operators need."""

from collections.abc import Iterator

import pytest

from tests.operators.webhook_server import Webhook, serving_webhook


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    """Where the connection `team` posts to."""
    with serving_webhook(monkeypatch) as server:
        yield server
