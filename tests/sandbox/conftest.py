"""Sandboxes that tests share, and one clear word where there can be none."""

from collections.abc import Iterator

import pytest

from mathmill.recipe_sandbox import SandboxRecipe
from mathmill.sandbox import Sandbox


@pytest.fixture(scope="module")
def sandbox(bubblewrap: None) -> Iterator[Sandbox]:
    """One sandbox with small limits, so that what is beyond them is so soon."""
    limits = SandboxRecipe(
        workers=1,
        wall_seconds=4.0,
        cpu_seconds=2,
        memory_bytes=2**28,
        processes=6,
        output_bytes=2**16,
        file_bytes=2**20,
    )
    with Sandbox(limits) as started:
        yield started
