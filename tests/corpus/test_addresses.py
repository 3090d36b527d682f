"""URL variants of a page have one canonical form."""

import pytest

from mathmill.corpus.addresses import canonical, prefixes, registered_domain, surt


@pytest.mark.parametrize(
    "variant",
    [
        "http://www.example.org/a/b.html?utm_source=x",
        "https://example.org:443/a/b.html#part",
        "https://example.org/a//b.html",
        "https://EXAMPLE.org/a/b.html?PHPSESSID=12",
    ],
)
def test_variants(variant: str) -> None:
    assert canonical(variant) == "example.org/a/b.html"


def test_queries_that_matter_stay_in_order() -> None:
    assert canonical("https://x.org/?b=2&a=1") == "x.org?a=1&b=2"
    assert canonical("https://x.org/docs/index.html") == canonical("https://x.org/docs/")


def test_domains_and_prefixes() -> None:
    assert registered_domain("docs.scipy.org") == "scipy.org"
    assert registered_domain("someone.github.io") == "someone.github.io"
    assert surt("https://docs.scipy.org/doc/a") == "org,scipy,docs)/doc/a"
    assert prefixes("https://docs.scipy.org/doc/scipy/ref/a.html") == [
        "docs.scipy.org",
        "docs.scipy.org/doc",
        "docs.scipy.org/doc/scipy",
    ]
