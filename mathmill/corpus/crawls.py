"""Common Crawl's list of its crawls: which there are, in the order of time, and which of them are new.

The list is JSON: a list of objects whose `id` names a crawl, as https://index.commoncrawl.org/collinfo.json is.
"""

import json
import re
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from mathmill.errors import UserError

if TYPE_CHECKING:
    from mathmill.corpus.fetch import Client

COMMON_CRAWL = "https://index.commoncrawl.org/collinfo.json"
NEWS = "CC-NEWS"
"""Kind of the crawls that are kept by month; the others are by week."""
WEEK = r"(?:0[1-9]|[1-4]\d|5[0-3])"
MONTH = r"(?:0[1-9]|1[0-2])"
CRAWL_ID = rf"(?:CC-(?:MAIN|SUPPLEMENTAL)-\d{{4}}-{WEEK}|{NEWS}-\d{{4}}-{MONTH})"
"""Pattern of the ids that `corpus.input` takes. Crawls of before 2013 have others, and no lists of WARC files."""
TIMEOUT_SECONDS = 60.0

Place = tuple[int, float, str]


def is_crawl_id(name: str) -> bool:
    """Whether `name` is an id of a crawl that can be ingested."""
    return re.fullmatch(CRAWL_ID, name, re.ASCII) is not None


def time_of(crawl_id: str) -> Place:
    """The place of a crawl in the order of time: its year, the share of it that had passed, and its id."""
    kind, year, part = crawl_id.rsplit("-", 2)
    parts = 12 if kind == NEWS else 53
    return int(year), (int(part) - 1) / parts, crawl_id


def in_time_order(crawl_ids: Iterable[str]) -> list[str]:
    """The crawls, the oldest first, each once."""
    return sorted(set(crawl_ids), key=time_of)


def listed_crawls(place: str, client: "Client") -> list[str]:
    """The crawls of the list at `place`, an address or a path, the oldest first, without those of other ids.

    A server is asked once: who watches the list asks again some time.

    Raises:
        OSError: the list cannot be read.
        UserError: it is no list of crawls.
    """
    try:
        listed = json.loads(_text(place, client))
        names = [one["id"] for one in listed]
        return in_time_order(name for name in names if is_crawl_id(name))
    except ImportError as error:
        raise UserError(f"{place} cannot be read without another package: {error}") from None
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{place} is no list of crawls: it has to be JSON, a list of objects with an id each") from None


def new_crawls(listed: Sequence[str], known: Collection[str], announced: Collection[str], since: str) -> list[str]:
    """The crawls of `listed` that are to be announced, in its order.

    Args:
        listed: the crawls that there are.
        known: those that there were when the watch began.
        announced: those that were announced.
        since: the crawl from which on known ones are announced, too; empty for none.
    """

    def wanted(crawl_id: str) -> bool:
        return crawl_id not in known or bool(since and time_of(crawl_id) >= time_of(since))

    return [crawl_id for crawl_id in listed if crawl_id not in announced and wanted(crawl_id)]


def crawl_range(listed: Sequence[str], first: str, last: str | None) -> list[str]:
    """The crawls of `listed`, which is in the order of time, from `first` to `last`, or to the newest.

    Raises:
        UserError: one of the two is not listed, or the last comes before the first.
    """
    for name in filter(None, (first, last)):
        if name not in listed:
            raise UserError(f"{name} is not among the {len(listed)} crawls of the list: name crawls that are")
    start, end = listed.index(first), listed.index(last) if last else len(listed) - 1
    if end < start:
        raise UserError(f"{last} is older than {first}: name the older one first")
    return list(listed[start : end + 1])


def crawl_of_file(path: str) -> str | None:
    """The id of the crawl in whose folder the archive at a path or address lies; None where that is no crawl's."""
    _, mark, inside = path.rpartition("crawl-data/")
    folders = inside.split("/") if mark else []
    name = "-".join(folders[:3]) if folders[:1] == ["CC-NEWS"] else "".join(folders[:1])
    return name if is_crawl_id(name) else None


def _text(place: str, client: "Client") -> bytes:
    from mathmill.corpus.fetch import is_remote, opened  # a tenth of a second, not for those who only check ids

    if is_remote(place):
        return _asked_once(place, client)
    with opened(place, client) as stream:
        return stream.read()


def _asked_once(address: str, client: "Client") -> bytes:
    import requests

    from mathmill.corpus.fetch import FetchError

    try:
        answer = requests.get(address, headers={"User-Agent": client.user_agent}, timeout=TIMEOUT_SECONDS)
    except requests.RequestException as error:
        raise FetchError(f"{address}: not reached ({type(error).__name__})") from None
    if not answer.ok:
        raise FetchError(f"{address}: the server answers {answer.status_code}")
    return answer.content
