"""WARC files that lie on a web server, Common Crawl's or another."""

import gzip
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import requests

from mathmill.errors import UserError

COMMON_CRAWL = "https://data.commoncrawl.org"
CRAWL_ID = re.compile(r"CC-(MAIN|NEWS)-[0-9-]+")
TIMEOUT_SECONDS = 60.0
TRIES = 5
CHUNK = 1 << 16
"""Bytes; what a broken connection loses at most."""


def is_remote(name: str) -> bool:
    """Whether `name` is the address of a file on a web server."""
    return name.startswith(("http://", "https://"))


def listing_url(crawl_id: str) -> str:
    """Where Common Crawl lists the WARC files of a crawl."""
    return f"{COMMON_CRAWL}/crawl-data/{crawl_id}/warc.paths.gz"


def listed_urls(listing: str) -> list[str]:
    """The addresses of the files that the `warc.paths.gz` at the address `listing` names.

    Raises:
        UserError: the list cannot be fetched.
    """
    try:
        answer = requests.get(listing, timeout=TIMEOUT_SECONDS)
    except requests.RequestException as error:
        raise UserError(f"--input {listing} cannot be reached ({type(error).__name__}): check the connection") from None
    if not answer.ok:
        raise UserError(f"--input {listing}: the server answers {answer.status_code}: check the crawl's id")
    root = listing.partition("/crawl-data/")[0]
    return [f"{root}/{name}" for name in gzip.decompress(answer.content).decode().split()]


@contextmanager
def opened(name: str) -> Iterator[IO[bytes]]:
    """A file of this machine, or one fetched for as long as the block runs.

    Raises:
        OSError: it cannot be read or fetched.
    """
    if not is_remote(name):
        with Path(name).open("rb") as file:
            yield file
        return
    with tempfile.TemporaryFile() as copy:
        _download(name, copy)
        copy.seek(0)
        yield copy


def _download(url: str, copy: IO[bytes]) -> None:
    """Fetch into `copy`; a broken connection goes on where it broke."""
    for attempt in range(1, TRIES + 1):
        try:
            _append(url, copy)
        except requests.RequestException:
            if attempt == TRIES:
                raise
            time.sleep(2.0**attempt)
        else:
            return


def _append(url: str, copy: IO[bytes]) -> None:
    have = copy.seek(0, 2)
    with requests.get(url, headers={"Range": f"bytes={have}-"}, stream=True, timeout=TIMEOUT_SECONDS) as answer:
        if have and answer.status_code == requests.codes.range_not_satisfiable:
            return
        answer.raise_for_status()
        if answer.status_code != requests.codes.partial_content:
            copy.seek(0)
            copy.truncate()
        for chunk in answer.iter_content(CHUNK):
            copy.write(chunk)
