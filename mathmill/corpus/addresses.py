"""URLs: parts, canonical form, Common Crawl's sort key, registered domain, prefixes. No string makes them raise."""

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote_from_bytes, unquote_to_bytes

import idna

if TYPE_CHECKING:
    from tldextract import TLDExtract

START = re.compile(r"(?:([a-z][a-z0-9+.-]*):)?//", re.IGNORECASE | re.ASCII)
HOST_AND_PORT = re.compile(r"([^:]*|\[[^\]]*\]):([0-9]*)")
WHITE = "".join(map(chr, range(0x21)))
"""The control characters and the space, which browsers strip from the ends of a URL."""
NO_WHITE = dict.fromkeys(range(0x21))
NO_LINE_BREAKS = dict.fromkeys(map(ord, "\t\r\n"))

TRACKING = re.compile(
    r"utm_\w+|(?:fb|g|d|tw|tt|y|ys)clid|msclkid|gclsrc|[gw]braid|igshid|srsltid|epik|mc_[ce]id|_g[al]|mkt_tok"
    r"|_hs(?:enc|mi)|__hs(?:tc|sc|fp)|hsctatracking|vero_(?:id|conv)|oly_(?:enc|anon)_id|ml_subscriber(?:_hash)?"
    r"|wickedid|_openstat"
)
SESSION = re.compile(r"phpsessid|jsessionid|asp\.net_sessionid|aspsessionid[a-z]{8}|cfid|cftoken|oscsid|zenid")
"""Parameters that name a session, whatever their value."""
MAYBE_SESSION = re.compile(r"sid|sess(?:ion_?)?id")
"""Parameters that name a session, or else an article of a site or a session of a conference."""
LONG_VALUE = re.compile(r"[\w-]{16,}", re.ASCII)
PATH_SESSION = re.compile(r";(?:jsessionid|phpsessid)=[^;/]*", re.IGNORECASE)
SEGMENT_SESSION = re.compile(r"\((?:[a-z]\([0-9a-z]{24}\))+\)", re.IGNORECASE)
SURT_SESSION = re.compile(r"(?:jsessionid|phpsessid|sid)=[0-9a-z]{32}|aspsessionid[a-z]{8}=[a-z]{24}")
FOLDER_FILE = re.compile(r"(?:index|default)\.(?:x?html?|shtml|php[3-8]?|aspx?|jsp|cfm)", re.IGNORECASE)

LITERAL = r"\w.~!$'()*,:@/\-"
IRREGULAR_PATH = re.compile(rf"[^{LITERAL}&+=]", re.ASCII)
ENCODED_PATH = re.compile(rf"%([0-9a-f]{{2}})|[^{LITERAL}&+=;]", re.ASCII | re.IGNORECASE)
IRREGULAR_QUERY = re.compile(rf"[^{LITERAL}=;?]", re.ASCII)
ENCODED_QUERY = re.compile(rf"%([0-9a-f]{{2}})|[^{LITERAL}=;?]", re.ASCII | re.IGNORECASE)
UNRESERVED = re.compile(r"[\w.~-]", re.ASCII)
PRINTABLE = "".join(map(chr, range(0x21, 0x7F))).replace("#", "").replace("%", "")
UNESCAPINGS = 10
"""Rounds in which a path that was escaped again and again is unescaped for the sort key."""


class Address(NamedTuple):
    """The parts of a URL as they stand in it, but for the scheme and host, which are in lower case."""

    scheme: str
    """Empty where the URL has none."""
    host: str
    """Without user name and port; of a malformed authority all that follows the user name."""
    port: str
    path: str
    query: str


def split(url: str) -> Address:
    """The parts of a URL, however malformed; what has no scheme is taken to begin with its host."""
    rest, _, query = url.strip(WHITE).translate(NO_LINE_BREAKS).partition("#")[0].partition("?")
    start = START.match(rest)
    scheme = (start[1] or "").lower() if start else ""
    authority, slash, path = rest[start.end() if start else 0 :].partition("/")
    host = authority.rpartition("@")[2].translate(NO_WHITE).lower()
    with_port = HOST_AND_PORT.fullmatch(host)
    name, port = with_port.groups() if with_port else (host, "")
    return Address(scheme, name, port, slash + path, query)


def canonical(url: str) -> str:
    """One form for all addresses of a page; `canonical` of a canonical form is itself.

    1. `http://` and `https://` are one and left out; other schemes stay. User name, password and fragment go.
    2. The host is lower-cased and in its ASCII form (UTS 46), without final dots and without leading `www.` (as long
       as a dot remains). The ports 80 and 443 go, of whichever scheme; others stay.
    3. In path and query, percent-encoded letters, digits, `-`, `.`, `_` and `~` are decoded; other codes are in upper
       case; characters that may not stand there, and a `%` that begins no code, are encoded as UTF-8.
    4. In the path, sessions (`;jsessionid=…`, `/(S(…))`) are dropped, doubled slashes and dot segments resolved, and a
       last segment such as `index.html` or `default.aspx` stands for its folder. A final slash is dropped.
    5. Of the query, empty parameters are dropped, and those that only track (`utm_…`, `gclid`, `fbclid` …) or name a
       session (`PHPSESSID`, `jsessionid`, `cftoken` …). `sid`, which may also number articles, goes when its value has
       16 letters and digits or more, and `ref`, which may also name a version, beside a `utm_…`. The rest is sorted;
       `+` is the space that it stands for, and `a=` is `a`.
    """
    scheme, host, port, path, query = split(url)
    prefix = "" if scheme in {"", "http", "https"} else f"{scheme}://"
    suffix = "" if port in {"", "80", "443"} else f":{port}"
    return f"{prefix}{_canonical_host(host)}{suffix}{_canonical_path(path)}{_canonical_query(query)}"


def surt(url: str) -> str:
    """Common Crawl's `url_surtkey`: the host's labels from the right, then path and query, all in lower case.

    Its rules are not `canonical`'s: `www1.` counts as `www.`, index files and tracking parameters stay, and a session
    parameter goes when its value has the usual length.
    """
    scheme, host, port, path, query = split(url)
    host = re.sub(r"^www\d*\.", "", _ascii_host(host))
    default = {"": "80", "http": "80", "https": "443"}.get(scheme)
    labels = ",".join(reversed(host.split("."))) + (f":{port}" if port and port != default else "")
    segments = "/".join(_resolved(_escaped_once(path).lower()))
    parameters = sorted(one for one in _escaped_once(query).lower().split("&") if not SURT_SESSION.fullmatch(one))
    return f"{labels})/{segments}" + (f"?{'&'.join(parameters)}" if any(parameters) else "")


@lru_cache(100_000)
def registered_domain(host: str) -> str:
    """The registered domain of a host, or the host where it has none (an address, localhost)."""
    found: str = _extractor()(host).top_domain_under_public_suffix
    return found or host


def domain(url: str) -> str:
    """The domain that the corpus loop counts a page under: its host's registered domain."""
    return registered_domain(split(url).host)


@lru_cache(100_000)
def registry_domain(host: str) -> str | None:
    """Common Crawl's `url_host_registered_domain`: sites of one provider, such as github.io, are one domain to it."""
    return _extractor()(host).top_domain_under_registry_suffix or None


def prefixes(url: str) -> list[str]:
    """The URL prefixes a page stands under: its host, and its host with one or two path segments."""
    address = split(url)
    segments = [segment for segment in address.path.split("/")[:-1] if segment][:2]
    return [address.host + "".join(f"/{segment}" for segment in segments[:depth]) for depth in range(len(segments) + 1)]


@cache
def _extractor() -> "TLDExtract":
    # The list inside the package, private suffixes included: pages of github.io are separate domains.
    from tldextract import TLDExtract  # a fifth of a second that no DAG file is to wait for

    return TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)


def _canonical_host(host: str) -> str:
    host = _ascii_host(host)
    while host.startswith("www.") and "." in host[4:]:
        host = host[4:]
    return host


def _ascii_host(host: str) -> str:
    if ":" in host:  # an IPv6 address, or malformed
        return host
    host = host.rstrip(".")
    return host if host.isascii() else _idna(host)


@lru_cache(100_000)
def _idna(host: str) -> str:
    try:
        return idna.encode(host, uts46=True).decode().rstrip(".")
    except UnicodeError:  # no name of a host: it stays as it is
        return host


def _canonical_path(path: str) -> str:
    if IRREGULAR_PATH.search(path):
        path = PATH_SESSION.sub("", ENCODED_PATH.sub(_encoded, path))
    segments = _resolved(path)
    if "/(" in path:
        segments = [segment for segment in segments if not SEGMENT_SESSION.fullmatch(segment)]
    while segments and FOLDER_FILE.fullmatch(segments[-1]):
        segments.pop()
    return "".join(f"/{segment}" for segment in segments)


def _resolved(path: str) -> list[str]:
    """The segments of a path, without empty and dot segments."""
    if "/." not in path:
        return [segment for segment in path.split("/") if segment]
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in {"", "."}:
            segments.append(segment)
    return segments


def _canonical_query(query: str) -> str:
    if not query:
        return ""
    if IRREGULAR_QUERY.search(query):
        query = "&".join(ENCODED_QUERY.sub(_encoded, one.replace("+", "%20")) for one in query.split("&"))
    split_up = [(name, value) for name, _, value in (one.partition("=") for one in query.split("&"))]
    is_campaign = any(name[:4].lower() == "utm_" for name, _ in split_up)
    kept = [
        f"{name}={value}" if value else name
        for name, value in split_up
        if not _is_dropped(name.lower(), value) and not (is_campaign and name.lower() == "ref")
    ]
    kept = sorted(filter(None, kept))
    return f"?{'&'.join(kept)}" if kept else ""


def _is_dropped(name: str, value: str) -> bool:
    """Whether a parameter, its name in lower case, only tracks or names a session."""
    if TRACKING.fullmatch(name) or SESSION.fullmatch(name):
        return True
    return MAYBE_SESSION.fullmatch(name) is not None and LONG_VALUE.fullmatch(value) is not None


def _encoded(match: re.Match[str]) -> str:
    """The one spelling of a character or percent code: literal where it may be, else encoded in upper case."""
    if match[1] is None:
        return quote_from_bytes(match[0].encode("utf-8", "surrogatepass"), safe="")
    literal = chr(int(match[1], 16))
    return literal if UNRESERVED.fullmatch(literal) else match[0].upper()


def _escaped_once(text: str) -> str:
    """Unescaped until nothing changes, then with what is no printable ASCII escaped."""
    raw = text.encode("utf-8", "surrogatepass")
    for _ in range(UNESCAPINGS):
        if b"%" not in raw:
            break
        raw = unquote_to_bytes(raw)
    return quote_from_bytes(raw, safe=PRINTABLE)
