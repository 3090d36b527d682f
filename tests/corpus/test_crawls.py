"""The list of crawls: what is read of it, the order of time, what is new."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathmill.corpus.crawls import (
    CRAWL_ID,
    crawl_of_file,
    crawl_range,
    in_time_order,
    is_crawl_id,
    listed_crawls,
    new_crawls,
    time_of,
)
from mathmill.corpus.fetch import Client
from mathmill.corpus.inputs import input_files
from mathmill.errors import UserError
from tests.list_of_crawls import serving_list

CLIENT = Client("test/1")
IDS = st.from_regex(re.compile(CRAWL_ID, re.ASCII), fullmatch=True)
LISTED = ["CC-MAIN-2025-51", "CC-MAIN-2026-02", "CC-MAIN-2026-05", "CC-MAIN-2026-10"]


@given(IDS)
def test_every_id_stands_for_a_list_of_warc_files(name: str) -> None:
    with pytest.raises(UserError, match=r"crawl-data/CC-.*/warc\.paths\.gz does not exist"):
        input_files([name], "nowhere", CLIENT)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "2026-43",
        "CC-MAIN-2026-54",
        "CC-MAIN-2026-00",
        "CC-MAIN-2012",
        "CC-NEWS-2026-13",
        "cc-main-2026-43",
        "CC-MAIN-2026-43 ",
    ],
)
def test_what_is_no_id(name: str) -> None:
    assert not is_crawl_id(name)


@given(st.lists(IDS))
def test_the_order_is_that_of_time_and_every_crawl_is_in_it_once(names: list[str]) -> None:
    ordered = in_time_order(names)
    assert set(ordered) == set(names)
    assert len(ordered) == len(set(names))
    places = [time_of(name)[:2] for name in ordered]
    assert places == sorted(places)


def test_weeks_and_months_are_in_one_order() -> None:
    names = ["CC-MAIN-2026-30", "CC-NEWS-2026-03", "CC-SUPPLEMENTAL-2026-06", "CC-MAIN-2025-51"]
    assert in_time_order(names) == [names[3], names[2], names[1], names[0]]


def test_a_list_is_read_from_a_server_and_a_file(tmp_path: Path) -> None:
    file = tmp_path / "collinfo.json"
    file.write_text(json.dumps([{"id": name} for name in [*reversed(LISTED), "CC-MAIN-2009-2010"]]), encoding="utf-8")
    assert listed_crawls(str(file), CLIENT) == LISTED
    with serving_list(LISTED) as server:
        assert listed_crawls(server.address, CLIENT) == LISTED
    assert server.agents == ["test/1"]


@pytest.mark.parametrize("text", ["", "<html>", "3", '["CC-MAIN-2026-05"]', '[{"name": "x"}]', '[{"id": 3}]', "\xff"])
def test_what_is_no_list_is_one_line(text: str, tmp_path: Path) -> None:
    file = tmp_path / "collinfo.json"
    file.write_text(text, encoding="latin-1")
    with pytest.raises(UserError, match=r"collinfo.json is no list of crawls"):
        listed_crawls(str(file), CLIENT)


def test_a_server_is_asked_once_and_its_refusal_is_one_line(tmp_path: Path) -> None:
    with serving_list(LISTED) as server:
        server.status = 503
        with pytest.raises(OSError, match=r"collinfo.json: the server answers 503"):
            listed_crawls(server.address, CLIENT)
        assert len(server.agents) == 1
    with pytest.raises(OSError, match=r"collinfo.json: not reached \(ConnectionError\)"):
        listed_crawls(server.address, CLIENT)
    with pytest.raises(OSError, match="absent"):
        listed_crawls(str(tmp_path / "absent"), CLIENT)


@given(st.lists(IDS, unique=True), st.sets(IDS), st.sets(IDS), st.just("") | IDS)
def test_what_is_new(names: list[str], known: set[str], announced: set[str], since: str) -> None:
    listed = in_time_order(names)
    known, announced = known | set(listed[::3]), announced | set(listed[::4])
    new = new_crawls(listed, known, announced, since)
    assert new == in_time_order(new)
    for name in listed:
        assert (name in new) == (
            name not in announced and (name not in known or (since != "" and time_of(name) >= time_of(since)))
        )


def test_a_range_of_the_list() -> None:
    assert crawl_range(LISTED, LISTED[1], LISTED[2]) == LISTED[1:3]
    assert crawl_range(LISTED, LISTED[2], None) == LISTED[2:]
    with pytest.raises(UserError, match="CC-MAIN-2026-03 is not among the 4 crawls"):
        crawl_range(LISTED, "CC-MAIN-2026-03", None)
    with pytest.raises(UserError, match="CC-MAIN-2025-51 is older than CC-MAIN-2026-02"):
        crawl_range(LISTED, LISTED[1], LISTED[0])


@pytest.mark.parametrize(
    ("file", "crawl"),
    [
        ("https://data.commoncrawl.org/crawl-data/CC-MAIN-2026-05/segments/1/warc/a.warc.gz", "CC-MAIN-2026-05"),
        ("/data/crawl-data/CC-NEWS/2026/05/a.warc.gz", "CC-NEWS-2026-05"),
        ("crawl-data/CC-SUPPLEMENTAL-2026-22/a.warc.gz", "CC-SUPPLEMENTAL-2026-22"),
        ("/data/CC-MAIN-2026-05/a.warc.gz", None),
        ("/data/crawl-data/mine/a.warc.gz", None),
        ("a.warc.gz", None),
    ],
)
def test_the_crawl_of_a_file_is_the_folder_that_it_lies_in(file: str, crawl: str | None) -> None:
    assert crawl_of_file(file) == crawl
