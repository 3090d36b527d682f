"""A page that hangs or kills the process that reads it is left out, and the rest is read."""

import os
import signal
import time
from pathlib import Path

import pytest

from mathmill.corpus.guard import GivenUpError, GuardError, PageTimeoutError, Watch, guarded


def _reading(out: Path, pages: dict[int, str]) -> None:
    """Work on pages in a guarded process; what became of each goes into the file `out`."""

    def work(watch: Watch) -> None:
        outcomes = []
        for offset, kind in pages.items():
            try:
                with watch(offset):
                    outcomes.append(_page(kind))
            except PageTimeoutError:
                outcomes.append("timeout")
            except (GivenUpError, MemoryError) as error:
                outcomes.append(str(error) or "memory")
        out.write_text(" ".join(outcomes), encoding="utf-8")

    guarded(work, seconds=1.0)


def _page(kind: str) -> str:
    if kind == "loop":
        while True:
            pass
    if kind == "native loop":
        sum(range(10**11))  # no timer interrupts it
    if kind == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "memory":
        bytes(64 << 30)
    return "page"


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [("good", "page"), ("loop", "timeout"), ("native loop", "timeout"), ("crash", "crash"), ("memory", "memory")],
)
def test_a_bad_page_costs_itself(tmp_path: Path, kind: str, outcome: str) -> None:
    started = time.monotonic()
    _reading(tmp_path / "out", {0: "good", 700: kind, 900: "good"})
    assert (tmp_path / "out").read_text(encoding="utf-8") == f"page {outcome} page"
    assert time.monotonic() - started < 60


def test_an_error_of_the_program_is_no_page_s_fault() -> None:
    def work(_watch: Watch) -> None:
        raise ZeroDivisionError("from the child")

    with pytest.raises(GuardError, match="ZeroDivisionError: from the child"):
        guarded(work, seconds=1.0)


def test_a_death_outside_any_page_is_told() -> None:
    with pytest.raises(GuardError, match="ended with -9"):
        guarded(lambda _watch: os.kill(os.getpid(), signal.SIGKILL), seconds=1.0)


def test_watching_a_page_costs_microseconds() -> None:
    watch = Watch(10.0)
    started = time.process_time()
    for offset in range(10_000):
        with watch(offset):
            pass
    assert (time.process_time() - started) / 10_000 < 50e-6
