"""Languages by CLD2 in Common Crawl's codes, or as Common Crawl recorded them."""

import json
from pathlib import Path

import pyarrow.dataset as ds
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathmill.corpus.extraction import extract
from mathmill.corpus.http_message import parse_response
from mathmill.corpus.language import languages, recorded_languages
from mathmill.corpus.records import Record, read_records


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A polynomial of degree n has n complex roots, counted with their multiplicities.", "eng"),
        ("一个次数为n的多项式在复数域中恰有n个根、重根按重数计算。", "zho"),
        ("一個次數為n的多項式在複數域中恰有n個根、這個定理稱為代數基本定理。", "zho"),
        ("Ein Polynom vom Grad n hat genau n komplexe Nullstellen, wenn man sie mit Vielfachheit zählt.", "deu"),
        ("לפולינום ממעלה כלשהי יש שורשים מרוכבים כמספר מעלתו", "heb"),
        ("3 4 5 + - =", ""),
        ("", ""),
    ],
)
def test_languages(text: str, expected: str) -> None:
    assert languages(text) == expected


@given(st.text(st.characters(exclude_categories=()), max_size=50))
def test_no_text_makes_it_fail(text: str) -> None:
    for code in languages(text).split(","):
        assert len(code) in (0, 3)


def test_no_character_makes_it_fail() -> None:
    for first in range(0, 0x110000, 64):
        languages("some English words " + " ".join(map(chr, range(first, first + 64))))


def test_recorded_languages() -> None:
    found = {"languages": [{"code-iso-639-3": "rus"}, {"code-iso-639-3": "eng"}]}
    assert recorded_languages({"languages-cld2": json.dumps(found)}) == "rus,eng"
    assert recorded_languages({"languages-cld2": json.dumps({"languages": []})}) == ""
    codes = ["null", '"x"', '"\\ud800ab"', "[]"]
    wrong = [f'{{"languages": [{{"code-iso-639-3": {code}}}]}}' for code in codes]
    for broken in ("", "{", "[]", "[" * 100_000, '{"languages": [1]}', *wrong):
        assert recorded_languages({"languages-cld2": broken}) is None
    assert recorded_languages({"fetchTimeMs": "3"}) is None


@pytest.mark.shared
def test_it_agrees_with_common_crawl_s_index(shared_data: Path) -> None:
    crawl = shared_data / "crawl_a"
    table = ds.dataset(crawl / "cc-index" / "table", partitioning="hive").to_table(
        columns=["url", "content_languages"], filter=ds.field("fetch_status") == 200
    )
    expected = dict(zip(table["url"].to_pylist(), table["content_languages"].to_pylist(), strict=True))
    same, differ = 0, []
    with next(crawl.glob("crawl-data/*/segments/*/warc/*-00002.warc.gz")).open("rb") as stream:
        for record in read_records(stream, 1 << 24):
            if not isinstance(record, Record) or record.kind != "response" or not expected.get(record.url):
                continue
            text = extract(parse_response(record.content).body).text
            if len(text) < 200:
                continue
            main = languages(text).partition(",")[0]
            same += main == expected[record.url].partition(",")[0]
            differ += [] if main == expected[record.url].partition(",")[0] else [(expected[record.url], main)]
            if same + len(differ) == 400:
                break
    assert same / (same + len(differ)) > 0.97, differ
