"""WARC to scores in one process without Spark and tables: what the kernels alone cost.

`bare` reads with fastwarc's own iterator; `ours` with our reader, into whole rows of `pages`. The last line of output
is a JSON object: `pages`, those scored.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from fastwarc.warc import ArchiveIterator, WarcRecordType

from mathmill.corpus.classifier import line, load, model_file, probabilities, read_card
from mathmill.corpus.extraction import extract
from mathmill.corpus.guard import Watch
from mathmill.corpus.page import Page, PageRules, archive_of, read_pages
from mathmill.corpus.records import read_records
from mathmill.recipe import CorpusRecipe

BATCH = 500
"""Pages scored at once, as in the Spark job."""
RULES = PageRules(CorpusRecipe().min_bytes, CorpusRecipe().page_bytes)
HTML = ("text/html", "application/xhtml+xml")


def bare_texts(path: Path) -> Iterator[str]:
    """The texts of the HTML pages with status 200."""
    with path.open("rb") as stream:
        for record in ArchiveIterator(stream, record_types=WarcRecordType.response):
            if record.http_headers is None or record.http_headers.status_code != 200:
                continue
            kind = record.headers.get("WARC-Identified-Payload-Type") or record.http_content_type
            if kind not in HTML:
                continue
            text = extract(record.reader.read(), charset=record.http_charset).text
            if len(text.encode()) >= RULES.min_bytes:
                yield text


def our_texts(path: Path) -> Iterator[str]:
    """The texts of the pages that the ingest makes."""
    with path.open("rb") as stream:
        records = read_records(stream, RULES.max_bytes)
        for outcome in read_pages(records, archive_of(str(path)), RULES, Watch(10.0), Counter()):
            if isinstance(outcome, Page):
                yield outcome.text


def main() -> int:
    """Score the pages of WARC files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reader", choices=["bare", "ours"])
    parser.add_argument("--input", type=Path, required=True, help="a folder of WARC files")
    parser.add_argument("--model", type=Path, required=True)
    arguments = parser.parse_args()
    texts_of = {"bare": bare_texts, "ours": our_texts}[arguments.reader]
    path = model_file(arguments.model)
    model, words = load(str(path)), read_card(path).page_words
    pages, lines = 0, list[str]()
    for warc in sorted(arguments.input.glob("*.warc.gz")):
        for text in texts_of(warc):
            lines.append(line(text, words))
            if len(lines) == BATCH:
                pages += len(probabilities(model, lines))
                lines.clear()
    pages += len(probabilities(model, lines)) if lines else 0
    print(json.dumps({"pages": pages}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
