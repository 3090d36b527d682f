"""The contamination probe: real pages into which benchmark texts were put, whole, in part and almost."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastwarc.warc import ArchiveIterator, WarcRecordType

from mathmill.corpus.contamination import BenchmarkSet, Find
from mathmill.corpus.extraction import extract
from mathmill.questions.benchmarks import published_items
from mathmill.recipe_corpus import DecontaminationRecipe

MEANT = ("gsm8k/test.jsonl", "math/test.jsonl", "cmath/test.jsonl", "cmath/cmath_dev.jsonl", "agieval")
"""The benchmarks that the probe's README names."""


@pytest.fixture(scope="module")
def benchmarks() -> BenchmarkSet:
    folder = Path(__file__).resolve().parents[3] / "shared" / "data" / "benchmarks"
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}")
    items, _ = published_items([str(folder / name) for name in MEANT])
    return BenchmarkSet.of(items, DecontaminationRecipe())


def _pages(*files: Path) -> Iterator[tuple[str, str]]:
    for file in files:
        with file.open("rb") as stream:
            for record in ArchiveIterator(stream, record_types=WarcRecordType.response, parse_http=True):
                text = extract(record.reader.read(), charset=record.http_charset).text
                yield record.headers["WARC-Target-URI"], text


def _found(benchmarks: BenchmarkSet, pages: dict[str, str]) -> dict[str, list[Find]]:
    urls = list(pages)
    found: dict[str, list[Find]] = {}
    for page, find in benchmarks.find(list(pages.values())):
        found.setdefault(urls[page], []).append(find)
    return found


@pytest.mark.shared
def test_every_contaminated_page_and_no_clean_one(benchmarks: BenchmarkSet, shared_data: Path) -> None:
    with (shared_data / "labels" / "probe_dev.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    found = _found(benchmarks, dict(_pages(shared_data / "contamination" / "probe_dev.warc.gz")))
    wrong = [
        (row["expected"], row["case"], row["benchmark_item"], row["url"])
        for row in rows
        if row["expected"] != "ambiguous" and (row["expected"] == "contaminated") != (row["url"] in found)
    ]
    assert len(rows) == 217
    assert wrong == []
    for row in rows:
        name = row["benchmark_item"].partition("#")[0].replace("cmath/dev", "cmath/cmath_dev")
        if row["expected"] == "contaminated" and not name.startswith("math/"):
            items = {
                f"{item.benchmark.removesuffix('.jsonl')}/{item.item_id}" for f in found[row["url"]] for item in f.items
            }
            assert name in items


@pytest.mark.shared
@pytest.mark.slow
def test_line_numbers_and_tables_of_a_real_crawl_are_no_evidence(benchmarks: BenchmarkSet, shared_data: Path) -> None:
    pages = dict(_pages(*sorted((shared_data / "crawl_a" / "crawl-data").rglob("*.warc.gz"))))
    found = _found(benchmarks, pages)
    assert len(pages) > 6000
    assert all(
        sum(len(word) > 1 and word.isalpha() for word in find.matched_text.split()) > 2
        for one in found.values()
        for find in one
    )
    assert len(found) <= 5
