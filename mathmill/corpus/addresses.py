"""URLs: canonical form, sort key, domain, prefixes."""

import re
from functools import cache
from urllib.parse import parse_qsl, urlencode, urlsplit

import tldextract

TRACKING = re.compile(r"^(utm_\w+|fbclid|gclid|msclkid|mc_[ce]id|phpsessid|jsessionid|sid|sessionid)$", re.IGNORECASE)
INDEX = re.compile(r"/(index|default)\.(html?|php|aspx?)$", re.IGNORECASE)


@cache
def _extractor() -> tldextract.TLDExtract:
    # The list inside the package, private suffixes included: pages of github.io are separate domains.
    return tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)


@cache
def registered_domain(host: str) -> str:
    """The registered domain of a host, or the host where it has none (an address, localhost)."""
    found: str = _extractor()(host).top_domain_under_public_suffix
    return found or host


def canonical(url: str) -> str:
    """One form for a page's variants: no scheme, `www.`, port, fragment, session or tracking query, index file."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower().removeprefix("www.")
    path = INDEX.sub("/", re.sub(r"/{2,}", "/", parts.path)).rstrip("/")
    query = sorted((key, value) for key, value in parse_qsl(parts.query) if not TRACKING.match(key))
    return f"{host}{path}" + (f"?{urlencode(query)}" if query else "")


def surt(url: str) -> str:
    """Sort-friendly key: the host's labels from the right, then path and query."""
    host, slash, rest = canonical(url).partition("/")
    return f"{','.join(reversed(host.split('.')))}){slash or '/'}{rest}"


def prefixes(url: str) -> list[str]:
    """The URL prefixes a page stands under: its host, and its host with one or two path segments."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    segments = [segment for segment in parts.path.split("/")[:-1] if segment][:2]
    return [host + "".join(f"/{segment}" for segment in segments[:depth]) for depth in range(len(segments) + 1)]
