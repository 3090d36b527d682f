"""URL variants of a page have one canonical form, and no string is too malformed for one."""

import string

import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mathmill.corpus.addresses import canonical, prefixes, registered_domain, split, surt


@pytest.mark.parametrize(
    "variant",
    [
        "http://example.org/a/b.html",
        "https://www.example.org/a/b.html#part",
        "https://example.org:443/a/b.html",
        "http://EXAMPLE.org.:80/a/b.html",
        "http://me:secret@example.org:/a/b.html",
        "  https://example.org/a/\tb.html\n",
        "https://example.org//a///b.html",
        "https://example.org/x/../a/./b.html",
        "https://example.org/%61/%2e/b%2Ehtml",
        "https://example.org/a;jsessionid=8F2A.node1/b.html",
        "https://example.org/a/b.html;JSESSIONID=8F2A",
        "https://example.org/(S(abcdefghijklmnopqrstuvwx))/a/b.html",
        "https://example.org/a/b.html?",
        "https://example.org/a/b.html?&&",
        "https://example.org/a/b.html?utm_source=x&UTM_Medium=y&gclid=1&fbclid=2&msclkid=3&mc_cid=4&_ga=5",
        "https://example.org/a/b.html?utm_source=feed&ref=sidebar",
        "https://example.org/a/b.html?PHPSESSID=12",
        "https://example.org/a/b.html?sid=0123456789abcdef0123456789abcdef",
        "//example.org/a/b.html",
        "example.org/a/b.html/",
    ],
)
def test_variants_of_a_page(variant: str) -> None:
    assert canonical(variant) == "example.org/a/b.html"


@pytest.mark.parametrize(
    ("url", "form"),
    [
        ("https://x.org/?b=2&a=1&c=", "x.org?a=1&b=2&c"),
        ("https://x.org/search?q=a+b%20c%26d", "x.org/search?q=a%20b%20c%26d"),
        ("https://x.org/docs/index.html", "x.org/docs"),
        ("https://x.org/docs/Default.aspx?page=2", "x.org/docs?page=2"),
        ("https://x.org/docs/myindex.html", "x.org/docs/myindex.html"),
        ("https://x.org:8080/", "x.org:8080"),
        ("ftp://x.org/a", "ftp://x.org/a"),
        ("http://www.com/", "www.com"),
        ("http://www2.x.org/", "www2.x.org"),
        ("http://Bücher.example/ä b?ß", "xn--bcher-kva.example/%C3%A4%20b?%C3%9F"),
        ("http://faß.de", "xn--fa-hia.de"),
        ("http://x.org/a%2fb%zz%7Euser", "x.org/a%2Fb%25zz~user"),
        ("http://[2001:DB8::1]:80/a", "[2001:db8::1]/a"),
        ("http://x.org/story?sid=123", "x.org/story?sid=123"),
        ("http://x.org/file?ref=main", "x.org/file?ref=main"),
        ("http://x.org/a?B=1", "x.org/a?B=1"),
    ],
)
def test_what_tells_pages_apart_stays(url: str, form: str) -> None:
    assert canonical(url) == form


PIECES = (
    r"http:// ftp:// www. [ ] : :80 . .. @ / // /.. /. /index.html % %2 %2e %41 %zz ? & = + sid utm_a= ref= \ ä 。 ﬁ"
    " x.org # /(s(abcdefghijklmnopqrstuvwx)) ;jsessionid=1"
)
MALFORMED = st.lists(st.sampled_from([*PIECES.split(" "), " ", "\t", "\0", "\udc80"]) | st.text(max_size=3)).map(
    "".join
)


@given(MALFORMED | st.text(string.printable))
@example("")
@example("http://[::1")
@example("http://x:99999999/")
@example("http://" + "ä" * 70 + ".org/")
def test_no_string_raises_and_the_canonical_form_is_its_own(url: str) -> None:
    form = canonical(url)
    assert canonical(form) == form
    assert form.isascii() or not split(url).host.isascii()
    assert surt(url).count(")/") >= 1
    assert prefixes(url)[0] == split(url).host
    assert isinstance(registered_domain(split(url).host), str)


NAME = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=8)


@given(
    st.lists(NAME, min_size=1, max_size=4),
    st.dictionaries(NAME.map("p{}".format), NAME, max_size=3),
    st.randoms(use_true_random=False),
)
def test_variants_made_by_the_rules_are_equal(segments: list[str], query: dict[str, str], random) -> None:
    def shuffled(extra: list[tuple[str, str]]) -> str:
        pairs = [*query.items(), *extra]
        random.shuffle(pairs)
        return "&".join(f"{name}={value}" for name, value in pairs)

    plain = canonical(f"https://x.org/{'/'.join(segments)}?{shuffled([])}")
    slash = random.choice(["/", "//", "/./", "/gone/../"])
    path = "".join(slash + "".join(random.choice([c, f"%{ord(c):02x}"]) for c in one) for one in segments)
    host = random.choice(["x.org", "www.X.org:80", "X.ORG:443", "x.org.", "u@x.org"])
    tail = random.choice(["", "/", "/index.html", "/default.htm"])
    variant = (
        f"{random.choice(['http', 'HTTPS'])}://{host}{path}{tail}?{shuffled([('utm_id', '1'), ('phpsessid', '2')])}#f"
    )
    assert canonical(variant) == plain


def test_domains_and_prefixes() -> None:
    assert registered_domain("docs.scipy.org") == "scipy.org"
    assert registered_domain("someone.github.io") == "someone.github.io"
    assert registered_domain("127.0.0.1") == "127.0.0.1"
    assert prefixes("https://docs.scipy.org/doc/scipy/ref/a.html") == [
        "docs.scipy.org",
        "docs.scipy.org/doc",
        "docs.scipy.org/doc/scipy",
    ]


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://docs.scipy.org/doc/a", "org,scipy,docs)/doc/a"),
        ("http://www2.Example.com:80/A/index.html/", "com,example)/a/index.html"),
        ("http://example.com:8080", "com,example:8080)/"),
        ("http://example.com/a?b=1&A=%3F", "com,example)/a?a=?&b=1"),
        ("http://example.com/?PHPSESSID=0123456789abcdef0123456789abcdef", "com,example)/"),
        ("http://example.com/%C3%84%2541", "com,example)/%c3%84a"),
    ],
)
def test_sort_key(url: str, key: str) -> None:
    assert surt(url) == key


@pytest.mark.shared
@pytest.mark.parametrize("crawl", ["crawl_a", "crawl_b"])
def test_sort_keys_are_those_of_the_columnar_index(crawl: str, shared_data) -> None:
    folder = shared_data / crawl / "cc-index"
    rows = pq.read_table(next(folder.rglob("*.parquet")), columns=["url", "url_surtkey"]).to_pylist()
    assert len(rows) > 6000
    assert [row for row in rows if surt(row["url"]) != row["url_surtkey"]] == []
