"""Real pages lose boilerplate only, and gain nothing."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastwarc.warc import ArchiveIterator, WarcRecordType
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

from mathmill.corpus.extraction import extract
from mathmill.corpus.extraction.encoding import to_utf8

PAGES = 800
WORD = re.compile(r"\w+")


def pages(crawl: Path) -> Iterator[tuple[str, bytes, str | None]]:
    """Address, body and header charset of the HTML responses of a crawl's first file."""
    with min(crawl.rglob("crawl-data/**/*.warc.gz")).open("rb") as file:
        for record in ArchiveIterator(file, record_types=WarcRecordType.response, parse_http=True):
            if (
                record.http_headers
                and record.http_headers.status_code == 200
                and record.http_content_type == "text/html"
            ):
                yield record.headers["WARC-Target-URI"], record.reader.read(), record.http_charset


@pytest.mark.shared
def test_words_come_from_the_page_and_most_stay(shared_data: Path) -> None:
    kept: list[float] = []
    for number, (address, body, charset) in enumerate(pages(shared_data / "crawl_a")):
        if number == PAGES:
            break
        extracted = extract(body, charset=charset)
        tree = HTMLTree.parse_from_bytes(to_utf8(body, charset), "utf-8")
        plain = extract_plain_text(tree, preserve_formatting=True, alt_texts=False) if tree.body else ""
        words = WORD.findall(extracted.text)
        if not extracted.formulas:
            assert not [word for word in {*words} if word not in plain], address
        kept.append(len(words) / max(1, len(WORD.findall(plain))))
    assert len(kept) == PAGES
    # Measured once: a fifth of these pages are indexes, or small pages with large menus.
    assert sum(share > 0.5 for share in kept) / len(kept) > 0.7
