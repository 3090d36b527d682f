"""The system's Chromium, headless."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

PATIENCE_MS = 300_000
"""For what a page brings about, on a busy machine."""


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser; without one on this machine the test is skipped."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Without its own sandbox, which needs rights that containers lack; only our own pages are visited.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


def logged_in(browser: Any, server: str, token: str) -> Any:
    """A context whose requests to `server` carry the session of `token`, as Airflow's login leaves it."""
    context = browser.new_context(viewport={"width": 1500, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    context.add_cookies([{"name": "_token", "value": token, "url": server}])
    return context
