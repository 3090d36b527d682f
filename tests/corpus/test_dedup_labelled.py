"""The labelled crawls: what they call duplicates is found, also against the earlier crawl, and little else dropped.

The pages' whole text is taken, of which the labels give the Jaccard index.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fastwarc.warc import ArchiveIterator, WarcRecordType
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import detect_encoding

from mathmill.corpus import dedup
from mathmill.corpus.words import words

pytestmark = [pytest.mark.shared, pytest.mark.slow]
Shingles = set[tuple[str, ...]]


def _texts(crawl: Path) -> Iterator[dict[str, object]]:
    for file in sorted(crawl.rglob("crawl-data/**/*.warc.gz")):
        with file.open("rb") as stream:
            for record in ArchiveIterator(stream, record_types=WarcRecordType.response, parse_http=True):
                http = record.http_headers
                if http is None or http.status_code != 200 or "html" not in (record.http_content_type or ""):
                    continue
                body = record.reader.read()
                html = body.decode(detect_encoding(body), errors="replace")
                url = record.headers["WARC-Target-URI"]
                yield {"url": url, "fetch_time": record.record_date, "text": extract_plain_text(html)}


def _shingles(text: str) -> Shingles:
    tokens = words(text)
    return {tuple(tokens[start : start + 5]) for start in range(len(tokens) - 4)}


class Crawl:
    """A labelled crawl and what was dropped from it."""

    def __init__(self, name: str, data: Path, folder: Path, *more: str) -> None:
        rows = list(_texts(data / name))
        (folder / name).mkdir()
        pq.write_table(pa.Table.from_pylist(rows), folder / name / "pages.parquet")
        self.out = folder / f"{name}-unique"
        arguments = ["--recipe", "demo", "--pages", str(folder / name), "--out", str(self.out), *more]
        assert dedup.main(arguments) == 0
        self.texts = {str(row["url"]): str(row["text"]) for row in rows}
        duplicates = pq.read_table(self.out / "duplicates").to_pylist()
        self.kept_for = {row["url"]: row["duplicate_of"] for row in duplicates}
        with (data / "labels" / f"{name}.tsv").open(encoding="utf-8") as stream:
            self.labels = {row["url"]: row for row in csv.DictReader(stream, delimiter="\t")}

    def found(self, *kinds: str, jaccard: float = 0.0) -> list[bool]:
        """Of each labelled duplicate of these kinds, read with its original, whether one page stands for both."""
        return [
            self.kept_for.get(url, url) == self.kept_for.get(label["duplicate_of"], label["duplicate_of"])
            for url, label in self.labels.items()
            if label["kind"] in kinds
            and {url, label["duplicate_of"]} <= self.texts.keys()
            and float(label["note"].rpartition("jaccard5=")[2] if "jaccard5=" in label["note"] else 1) >= jaccard
        ]

    def dropped_without_reason(self) -> list[str]:
        """Pages labelled as the only one of their kind that share less than 0.7 of their shingles with what is kept."""
        return [
            url
            for url, kept in self.kept_for.items()
            if self.labels[url]["kind"] == "page" and kept in self.texts and self._jaccard(url, kept) < 0.7
        ]

    def _jaccard(self, url: str, other: str) -> float:
        one, two = _shingles(self.texts[url]), _shingles(self.texts[other])
        return len(one & two) / len(one | two) if one | two else float(self.texts[url] == self.texts[other])

    def check(self) -> None:
        variants = self.found("url-variant")
        copies = self.found("mirror-dup")
        near = self.found("near-dup", "version-pair", jaccard=0.8)
        assert len(variants) > 150
        assert all(variants)
        assert len(copies) > 80
        assert all(copies)
        assert len(near) > 80
        assert sum(near) >= 0.98 * len(near)
        pages = sum(label["kind"] == "page" for label in self.labels.values())
        assert len(self.dropped_without_reason()) <= 0.001 * pages


def test_the_second_crawl_as_a_refresh_of_the_first(shared_data: Path, tmp_path: Path) -> None:
    first = Crawl("crawl_a", shared_data, tmp_path)
    first.check()
    second = Crawl("crawl_b", shared_data, tmp_path, "--previous", str(first.out))
    second.check()
    again = [url for url, label in second.labels.items() if label["kind"] == "recrawl-of-A" and url in second.texts]
    assert len(again) == 100
    kept = set(pq.read_table(first.out / "pages", columns=["url"])["url"].to_pylist())
    assert all(second.kept_for[url] in kept for url in again)
