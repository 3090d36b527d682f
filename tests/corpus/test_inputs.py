"""What `--input` may name, on this machine, on a server and in a store; and how mistakes are answered."""

import gzip
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import fsspec
import pytest
from typing_extensions import override

from mathmill.corpus import fetch
from mathmill.corpus.fetch import Client
from mathmill.corpus.inputs import INDEX_LISTING, input_files
from mathmill.errors import UserError

CLIENT = Client("test")
NAMES = ["crawl-data/CC-MAIN-2026-01/segments/1/warc/a.warc.gz", "crawl-data/CC-MAIN-2026-01/segments/2/warc/b.warc.gz"]
TABLE = "cc-index/table/cc-main/warc/crawl=CC-MAIN-2026-01/subset=warc/part-0.parquet"


@pytest.fixture
def crawl(tmp_path: Path) -> Path:
    """A folder laid out as Common Crawl is."""
    listings = {
        "CC-MAIN-2026-01/warc.paths.gz": NAMES,
        "CC-MAIN-2026-01/cc-index-table.paths.gz": [TABLE],
        "CC-SUPPLEMENTAL-2026-22/warc.paths.gz": NAMES[:1],
        "CC-NEWS/2026/05/warc.paths.gz": NAMES[1:],
    }
    for name, lines in listings.items():
        listing = tmp_path / "crawl-data" / name
        listing.parent.mkdir(parents=True, exist_ok=True)
        listing.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode()))
    for name in [*NAMES, TABLE]:
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    return tmp_path


class _Quiet(SimpleHTTPRequestHandler):
    @override
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def served(crawl: Path) -> Iterator[str]:
    """The address at which the crawl is served."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(crawl))) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_crawl_is_found_under_the_base_wherever_that_is(crawl: Path, served: str) -> None:
    here = [str(crawl / name) for name in NAMES]
    assert input_files(["CC-MAIN-2026-01"], str(crawl), CLIENT) == here
    assert input_files(["CC-MAIN-2026-01"], crawl.as_uri() + "/", CLIENT) == here
    assert input_files(["CC-MAIN-2026-01"], served, CLIENT) == [f"{served}/{name}" for name in NAMES]
    assert input_files(["CC-SUPPLEMENTAL-2026-22", "CC-NEWS-2026-05"], str(crawl), CLIENT) == here
    assert input_files(["CC-MAIN-2026-01"], str(crawl), CLIENT, INDEX_LISTING) == [str(crawl / TABLE)]


def test_a_list_in_a_crawl_names_files_of_that_crawl(crawl: Path, served: str) -> None:
    listing = "crawl-data/CC-MAIN-2026-01/warc.paths.gz"
    nowhere = "http://127.0.0.1:9"
    assert input_files([str(crawl / listing)], nowhere, CLIENT) == [str(crawl / name) for name in NAMES]
    assert input_files([f"{served}/{listing}"], nowhere, CLIENT) == [f"{served}/{name}" for name in NAMES]


def test_a_list_elsewhere_names_files_under_the_base(crawl: Path, tmp_path: Path) -> None:
    listing = tmp_path / "some.warc.paths.gz"
    listing.write_bytes((crawl / "crawl-data/CC-MAIN-2026-01/warc.paths.gz").read_bytes())
    base = "https://data.example"
    assert input_files([str(listing)], base, CLIENT) == [f"{base}/{name}" for name in NAMES]
    with pytest.raises(UserError, match=r"some.warc.paths.gz lists .*a.warc.gz, which is not there"):
        input_files([str(listing)], str(tmp_path / "empty"), CLIENT)


def test_files_and_globs_each_once(crawl: Path) -> None:
    one, pattern = str(crawl / NAMES[1]), str(crawl / "crawl-data/**/*.warc.gz")
    assert input_files([one, pattern, Path(one).as_uri()], "", CLIENT) == [one, str(crawl / NAMES[0])]
    assert input_files(["https://data.example/x.warc.gz"], "", CLIENT) == ["https://data.example/x.warc.gz"]


def test_stores_are_read_through_fsspec() -> None:
    store = fsspec.filesystem("memory")
    for name in NAMES:
        store.pipe(f"/bucket/{name}", b"")
    store.pipe("/bucket/crawl-data/CC-MAIN-2026-01/warc.paths.gz", gzip.compress("\n".join(NAMES).encode()))
    expected = [f"memory://bucket/{name}" for name in NAMES]
    assert input_files(["CC-MAIN-2026-01"], "memory://bucket", CLIENT) == expected
    found = input_files(["memory://bucket/crawl-data/CC-MAIN-2026-01/segments/*/warc/*.gz"], "", CLIENT)
    assert [name.replace(":///", "://") for name in found] == expected


@pytest.mark.parametrize(
    ("given", "base", "answer"),
    [
        ("nowhere/*.warc.gz", "", "--input nowhere/.*: no such file"),
        ("CC-MAIN-2026-02", "{crawl}", "CC-MAIN-2026-02/warc.paths.gz does not exist: check the id and corpus.base"),
        ("CC-MAIN-2026-02", "{served}", "the server answers 404: check the id, corpus.base and the connection"),
        ("CC-MAIN-2026-01", "http://127.0.0.1:9", "ConnectionError, after .*: check the id, corpus.base and the"),
        ("CC-MAIN-2026-01", "s3://commoncrawl", "s3:// cannot be read without another package: Install s3fs"),
        ("s3://commoncrawl/*.gz", "", "s3:// cannot be read without another package: Install s3fs"),
        ("{crawl}/broken.paths.gz", "", "broken.paths.gz is no list of files"),
    ],
)
def test_mistakes_are_answered_in_one_line(
    crawl: Path, served: str, monkeypatch: pytest.MonkeyPatch, given: str, base: str, answer: str
) -> None:
    monkeypatch.setattr(fetch, "time", SimpleNamespace(sleep=lambda _: None))
    (crawl / "broken.paths.gz").write_text("plain text", encoding="utf-8")
    places = {"crawl": crawl, "served": served}
    with pytest.raises(UserError, match=answer) as raised:
        input_files([given.format(**places)], base.format(**places), CLIENT)
    assert "\n" not in str(raised.value)


def test_without_an_input_the_user_is_asked_for_one() -> None:
    with pytest.raises(UserError, match="give --input, or corpus"):
        input_files([], "", CLIENT)
