"""The ingest job: tables, manifest and figures; what a file that cannot be read and a killed driver cost."""

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from typing_extensions import override

from mathmill.corpus import ingest
from mathmill.corpus import page as page_module
from mathmill.corpus.extraction import Extracted
from mathmill.corpus.fetch import Client
from mathmill.corpus.ingest_task import IngestTask
from mathmill.corpus.manifest import read_entry
from mathmill.corpus.page import PageRules
from mathmill.corpus.splits import Split, splits_of
from mathmill.job_record import JobRecord
from tests.corpus.archives import Stored, archive, http, page, warc_record

NAME = "crawl-data/CC-MAIN-2026-01/segments/1/warc/{}.warc.gz"


def _records(name: str, pages: int = 3) -> list[Stored]:
    texts = [f"Page {number} of {name}: a polynomial and its roots." for number in range(pages)]
    return [
        warc_record("warcinfo", "", b"isPartOf: CC-MAIN-2026-01\r\n"),
        *(warc_record("response", f"http://{name}.example/{n}", http(page(text * 3))) for n, text in enumerate(texts)),
        warc_record("response", f"http://{name}.example/none", http(b"", status="404 Not Found")),
    ]


def _crawl(root: Path, *names: str) -> list[Path]:
    files = [root / NAME.format(name) for name in names]
    for name, file in zip(names, files, strict=True):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(archive(_records(name), "members")[0])
    return files


def _task(out: Path) -> IngestTask:
    return IngestTask(out, PageRules(20, 1 << 20), 5.0, Client("test"))


def _urls(out: Path, table: str) -> Counter[str]:
    return Counter(pq.read_table(out / table, columns=["url"])["url"].to_pylist())


PAGES = [f"http://{name}.example/{number}" for name in ("a", "b") for number in range(3)]


def test_a_split_is_read_once_whole_or_not_at_all(tmp_path: Path) -> None:
    (file,) = _crawl(tmp_path, "a")
    split, out = Split(str(file)), tmp_path / "out"
    _task(out)(split)
    entry = read_entry(out, split.name)
    assert entry is not None
    assert (entry.records, entry.pages, entry.bytes) == (5, 3, file.stat().st_size)
    assert entry.rejected == {"record_type_warcinfo": 1, "http_status_404": 1}
    assert entry.languages == {"eng": 3}
    written = {path: path.stat().st_mtime_ns for path in out.rglob("*.*")}
    assert {path.parent.name for path in written} == {"pages", "rejected", "manifest"}
    _task(out)(split)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.*")} == written


def test_attempts_side_by_side_write_what_one_writes(tmp_path: Path) -> None:
    (file,) = _crawl(tmp_path, "a")
    out = tmp_path / "out"
    attempts = [threading.Thread(target=_task(out), args=(Split(str(file)),)) for _ in range(3)]
    for attempt in attempts:
        attempt.start()
    for attempt in attempts:
        attempt.join()
    assert _urls(out, "pages") == Counter(PAGES[:3])
    assert len(list(out.rglob("*.*"))) == 3


def test_a_file_that_cannot_be_read_leaves_no_rows(tmp_path: Path) -> None:
    split, out = Split(str(tmp_path / "none.warc.gz")), tmp_path / "out"
    _task(out)(split)
    entry = read_entry(out, split.name)
    assert entry is not None
    assert entry.failed is not None
    assert "FileNotFoundError" in entry.failed
    assert {path.parent.name for path in out.rglob("*.*")} == {"manifest"}


@pytest.mark.parametrize(("fault", "reason"), [("crash", "crash"), ("hang", "timeout")])
def test_a_page_that_ends_its_process_costs_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str, reason: str
) -> None:
    extract = page_module.extract

    def faulty(body: bytes, *, charset: str | None) -> Extracted:
        if b"Page 1" in body:
            os.kill(os.getpid(), signal.SIGKILL) if fault == "crash" else sum(range(10**11))
        return extract(body, charset=charset)

    monkeypatch.setattr(page_module, "extract", faulty)
    (file,) = _crawl(tmp_path, "a")
    task = IngestTask(tmp_path / "out", PageRules(20, 1 << 20), 1.0, Client("test"))
    task(Split(str(file)))
    assert _urls(tmp_path / "out", "pages") == Counter([PAGES[0], PAGES[2]])
    rejected = pq.read_table(tmp_path / "out" / "rejected").to_pylist()
    assert {row["url"]: row["reason"] for row in rejected if row["url"] in PAGES} == {PAGES[1]: reason}


def test_large_files_are_read_in_splits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mathmill.corpus.splits.LEAST_BYTES", 400)
    file = tmp_path / "a.warc.gz"
    file.write_bytes(archive(_records("a", pages=12), "members")[0])
    splits = splits_of([str(file)])
    assert len(splits) == file.stat().st_size // 400 > 3
    for split in splits:
        _task(tmp_path / "out")(split)
    assert _urls(tmp_path / "out", "pages") == Counter(f"http://a.example/{number}" for number in range(12))
    crawls = pq.read_table(tmp_path / "out" / "pages", columns=["crawl"])["crawl"].to_pylist()
    assert set(crawls) == {"CC-MAIN-2026-01"}
    for layout in ("one", "plain"):
        file.write_bytes(archive(_records("a", pages=12), layout)[0] + bytes(2000))
        assert splits_of([str(file)]) == [Split(str(file))]


class _Handler(SimpleHTTPRequestHandler):
    asked: list[str]
    missing: set[str]
    held: threading.Event

    @override
    def do_GET(self) -> None:
        self.asked.append(Path(self.path).name)
        if "b.warc" in self.path:
            self.held.wait()
        if Path(self.path).name in self.missing:
            self.send_error(404)
        else:
            super().do_GET()

    @override
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, type[_Handler]]]:
    """The crawl's list on a server, and the handler that tells what was asked for."""
    _crawl(tmp_path / "served", "a", "b")

    listing = tmp_path / "served" / "crawl-data/CC-MAIN-2026-01/warc.paths.gz"
    listing.write_bytes(gzip.compress("".join(NAME.format(name) + "\n" for name in "ab").encode()))
    held = threading.Event()
    handler = type("Handler", (_Handler,), {"asked": [], "missing": set(), "held": held})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(tmp_path / "served")))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", handler
    held.set()
    server.shutdown()
    thread.join()
    server.server_close()


def _arguments(base: str, out: Path) -> list[str]:
    settings = [f"corpus.base={base}", "corpus.min_bytes=20"]
    sets = [word for setting in settings for word in ("--set", setting)]
    return ["--recipe", "demo", *sets, "--input", "CC-MAIN-2026-01", "--out", str(out)]


def test_a_missing_file_fails_the_job_after_the_others_and_the_next_try_goes_on(
    served: tuple[str, type[_Handler]], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    base, handler = served
    handler.held.set()
    handler.missing.add("b.warc.gz")
    out = tmp_path / "out"
    assert ingest.main(_arguments(base, out)) == 2
    (line,) = [line for line in capfd.readouterr().err.splitlines() if line.startswith("mathmill: error: ")]
    assert "b.warc.gz could not be read (FetchError: " in line
    assert "the server answers 404" in line
    assert not out.exists()

    handler.missing.clear()
    assert ingest.main(_arguments(base, out)) == 0
    assert handler.asked.count("a.warc.gz") == 1
    assert _urls(out, "pages") == Counter(PAGES)
    rejected = pq.read_table(out / "rejected").to_pylist()
    assert Counter((row["url"], row["reason"]) for row in rejected) == Counter(
        [
            (None, "record_type_warcinfo"),
            ("http://a.example/none", "http_status_404"),
            (None, "record_type_warcinfo"),
            ("http://b.example/none", "http_status_404"),
        ]
    )
    figures = JobRecord.read(out).figures
    assert {name: figures[name] for name in ("files", "records", "pages", "rejected")} == {
        "files": 2,
        "records": 10,
        "pages": 6,
        "rejected": 4,
    }
    entries = [json.loads(path.read_text(encoding="utf-8")) for path in (out / "manifest").iterdir()]
    assert {entry["state"] for entry in entries} == {"done"}
    assert {entry["file"] for entry in entries} == {f"{base}/{NAME.format(name)}" for name in "ab"}


@pytest.mark.slow
def test_a_killed_driver_goes_on_where_it_was(served: tuple[str, type[_Handler]], tmp_path: Path) -> None:
    base, handler = served
    out = tmp_path / "out"
    command = [sys.executable, "-m", "mathmill.corpus.ingest", *_arguments(base, out)]
    driver = subprocess.Popen(command, start_new_session=True)
    manifest = tmp_path / "out.partial" / "manifest"
    while not list(manifest.glob("a-*.json")):
        assert driver.poll() is None
        time.sleep(0.1)
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()
    handler.held.set()

    assert ingest.main(_arguments(base, out)) == 0
    assert handler.asked.count("a.warc.gz") == 1
    assert _urls(out, "pages") == Counter(PAGES)
    assert JobRecord.read(out).figures["records"] == 10


@pytest.mark.shared
@pytest.mark.slow
def test_a_selection_of_the_index_is_what_the_index_says(shared_data: Path, tmp_path: Path) -> None:
    crawl = shared_data / "crawl_a"
    out = tmp_path / "out"
    domains = ["postfix.org", "en.cppreference.com"]
    settings = [f"corpus.base={crawl.as_uri()}", f"corpus.index={{domains: [{', '.join(domains)}]}}"]
    sets = [word for setting in settings for word in ("--set", setting)]
    assert ingest.main(["--recipe", "demo", *sets, "--input", "CC-MAIN-2026-43", "--out", str(out)]) == 0
    index = ds.dataset(crawl / "cc-index" / "table", partitioning="hive").to_table().to_pylist()
    chosen = {
        row["url"]: row
        for row in index
        if row["fetch_status"] == 200
        and row["content_mime_detected"] in ("text/html", "application/xhtml+xml")
        and (row["url_host_registered_domain"] in domains or row["url_host_name"] in domains)
    }
    pages = pq.read_table(out / "pages").to_pylist()
    assert _urls(out, "pages") + _urls(out, "rejected") == Counter(list(chosen))
    assert len(pages) > 0.9 * len(chosen) > 100
    same = [name for name in pages[0] if name in index[0] and name != "content_languages"]
    assert len(same) == 13
    for one in pages:
        assert {name: one[name] for name in same} == {name: chosen[one["url"]][name] for name in same}
        assert chosen[one["url"]]["content_languages"] in (None, one["content_languages"])
