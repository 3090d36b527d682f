"""Progress passes every item on, and says how far the work is."""

import logging
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathmill import progress as module
from mathmill.progress import progress


class Clock:
    """Advances by `step` seconds whenever it is read."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 0.0, step

    def monotonic(self) -> float:
        self.now += self.step
        return self.now


@given(st.lists(st.integers()))
def test_items_come_through_in_order(items: list[int]) -> None:
    assert list(progress(iter(items), total=len(items), unit="pages")) == items


def test_a_line_at_most_every_five_seconds_and_one_at_the_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "time", Clock(2.0))
    with caplog.at_level(logging.INFO, "mathmill"):
        list(progress(range(7), total=7, unit="pages"))
    assert caplog.messages == [
        "pages 3/7, 0.5 pages/s, 8 s left",
        "pages 6/7, 0.5 pages/s, 2 s left",
        "pages 7/7, 0.5 pages/s, 0 s left",
    ]


def test_a_resumed_job_counts_what_was_done_but_not_in_its_rate(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "time", Clock(10.0))
    with caplog.at_level(logging.INFO, "mathmill"):
        list(progress(range(90, 100), total=100, unit="steps", start=90))
    assert caplog.messages[0] == "steps 91/100, 0.1 steps/s, 90 s left"
    assert caplog.messages[-1].startswith("steps 100/100")


def test_no_work_is_no_line(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "mathmill"):
        assert list(progress([], total=0, unit="pages")) == []
    assert caplog.messages == []


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert list(progress(range(95, 100), total=100, unit="steps", start=95)) == list(range(95, 100))
    assert re.search(r"100%.*100/100.*steps/s", capsys.readouterr().err)
