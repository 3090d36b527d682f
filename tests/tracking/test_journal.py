"""What is written is told once, in order, however often the server is away and the writer killed."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from mathmill.tracking import journal
from mathmill.tracking.journal import BATCH, Entry, Journal, ServerAwayError, StartOverError

OpenJournal = Callable[[], Journal]


class Server:
    """Takes entries while it is there."""

    def __init__(self) -> None:
        self.there = threading.Event()
        self.there.set()
        self.calls: list[list[Entry]] = []
        self.asked = threading.Event()
        self.empty = False

    def tell(self, entries: Sequence[Entry]) -> None:
        self.asked.set()
        if not self.there.is_set():
            raise ServerAwayError("gone")
        if self.empty:
            self.empty = False
            raise StartOverError
        self.calls.append(list(entries))

    @property
    def told(self) -> list[Entry]:
        return [entry for call in self.calls for entry in call]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setattr(journal, "RETRY_SECONDS", (0.01, 0.02))
    return Server()


@pytest.fixture
def open_journal(server: Server, tmp_path: Path) -> Iterator[OpenJournal]:
    opened: list[Journal] = []

    def open_one() -> Journal:
        opened.append(Journal(tmp_path / "journals" / "run", server.tell, "there"))
        return opened[-1]

    yield open_one
    for one in opened:
        one._closing = True  # noqa: SLF001 - a test that failed has not closed it


def _metrics(one: Journal, step: int, **values: float) -> None:
    one.write("metrics", values=values, step=step, time=step)


def test_entries_are_told_in_order_and_metrics_together(server: Server, open_journal: OpenJournal) -> None:
    one = open_journal()
    one.write("params", values={"a": "1"})
    for step in range(3):
        _metrics(one, step, loss=step)
    one.write("status", status="FINISHED")
    assert one.wait(10)
    assert [[entry["kind"] for entry in call] for call in server.calls] == [["params"], ["metrics"] * 3, ["status"]]
    one.close(keep=False)
    assert not one.folder.exists()


def test_no_call_has_more_metrics_than_the_server_takes(server: Server, open_journal: OpenJournal) -> None:
    one = open_journal()
    for step in range(BATCH):
        _metrics(one, step, loss=1, norm=2, rate=3)
    assert one.wait(30)
    one.close(keep=False)
    assert max(sum(len(entry["values"]) for entry in call) for call in server.calls) <= BATCH
    assert [entry["step"] for entry in server.told] == list(range(BATCH))


def test_a_server_that_was_away_is_told_everything(
    server: Server, open_journal: OpenJournal, caplog: pytest.LogCaptureFixture
) -> None:
    server.there.clear()
    one = open_journal()
    for step in range(50):
        _metrics(one, step, loss=step)
    assert not one.wait(0.2)
    assert server.asked.wait(30)
    server.there.set()
    assert one.wait(10)
    one.close(keep=False)
    assert [entry["step"] for entry in server.told] == list(range(50))
    assert caplog.messages == [
        "MLflow at there does not answer (gone): what it is to know is kept",
        "MLflow at there answers again",
    ]


def test_a_job_that_ends_waits_for_no_late_try(
    server: Server, open_journal: OpenJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "TELL_SECONDS", 0.0)
    monkeypatch.setattr(journal, "RETRY_SECONDS", (600.0, 600.0))
    server.there.clear()
    one = open_journal()
    _metrics(one, 1, loss=1)
    while not one._away:  # noqa: SLF001 - the pause has begun
        time.sleep(0.01)
    monkeypatch.setattr(journal, "RETRY_SECONDS", (0.01, 600.0))
    server.there.set()
    assert one.wait(10)
    one.close(keep=False)


def test_what_was_not_told_when_the_job_ended_is_kept(server: Server, open_journal: OpenJournal) -> None:
    server.there.clear()
    one = open_journal()
    _metrics(one, 1, loss=1)
    assert not one.wait(0.1)
    one.close(keep=False)
    server.there.set()
    again = open_journal()
    assert again.wait(10)
    again.close(keep=False)
    assert [entry["step"] for entry in server.told] == [1]


def test_a_later_try_knows_which_steps_were_written(server: Server, open_journal: OpenJournal) -> None:
    one = open_journal()
    for step in range(1, 4):
        _metrics(one, step, loss=step)
    _metrics(one, 2, accuracy=0.5)
    assert one.wait(10)
    one.close(keep=True)
    with (one.folder / journal.JOURNAL).open("ab") as file:
        file.write(b'{"kind": "metrics", "valu')  # killed while it wrote
    again = open_journal()
    assert again.last_steps == {"loss": 3, "accuracy": 2}
    _metrics(again, 4, loss=4)
    assert again.wait(10)
    again.close(keep=False)
    assert [entry["step"] for entry in server.told] == [1, 2, 3, 2, 4]


def test_after_a_kill_nothing_is_missing(server: Server, open_journal: OpenJournal) -> None:
    one = open_journal()
    for step in range(3):
        _metrics(one, step, loss=step)
    assert one.wait(10)
    one.close(keep=True)
    (one.folder / journal.TOLD).unlink()  # killed before it wrote down what it had told
    again = open_journal()
    assert again.wait(10)
    again.close(keep=False)
    assert [json.dumps(entry) for entry in server.told[:3]] == [json.dumps(entry) for entry in server.told[3:]]


def test_a_mistake_of_ours_is_raised_where_it_is_written(
    server: Server, open_journal: OpenJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "tell", lambda _: (_ for _ in ()).throw(ValueError("no such metric")))
    one = open_journal()
    _metrics(one, 1, loss=1)
    with pytest.raises(ValueError, match="no such metric"):
        one.wait(10)
    with pytest.raises(ValueError, match="no such metric"):
        _metrics(one, 2, loss=1)
    one.close(keep=False)


def test_writing_does_not_wait_for_a_slow_server(
    server: Server, open_journal: OpenJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = threading.Event()
    monkeypatch.setattr(server, "tell", lambda _: (server.asked.set(), answer.wait(30)))
    monkeypatch.setattr(journal, "TELL_SECONDS", 0.0)
    one = open_journal()
    _metrics(one, 1, loss=1)
    assert server.asked.wait(10)
    for step in range(2, 100):
        _metrics(one, step, loss=1)
    answer.set()
    assert one.wait(10)
    one.close(keep=False)


def test_a_server_that_has_nothing_is_told_everything_anew(server: Server, open_journal: OpenJournal) -> None:
    one = open_journal()
    _metrics(one, 1, loss=1)
    assert one.wait(10)
    one.close(keep=True)
    server.empty = True
    again = open_journal()
    _metrics(again, 2, loss=1)
    assert again.wait(10)
    again.close(keep=False)
    assert [entry["step"] for entry in server.told] == [1, 1, 2]


def test_a_beginning_waits_for_its_entry_but_for_no_server_that_is_away(
    server: Server, open_journal: OpenJournal
) -> None:
    one = open_journal()
    one.begin(one.write("run"), 10)
    assert [entry["kind"] for entry in server.told] == ["run"]
    server.there.clear()
    began = time.monotonic()
    one.begin(one.write("run"), 60)
    assert time.monotonic() - began < 30
    assert len(server.told) == 1
    server.there.set()
    one.close(keep=False)
