"""What these tests share: a small crawl and its build, and a Spark session that ends with them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mathmill.corpus import build
from tests.corpus.small_crawl import SmallCrawl, own_home, small_crawl
from tests.spark import end_spark


@pytest.fixture(scope="package")
def small(tmp_path_factory: pytest.TempPathFactory) -> SmallCrawl:
    """The small crawl."""
    return small_crawl(tmp_path_factory.mktemp("crawl"))


@pytest.fixture(scope="package")
def built(small: SmallCrawl, tmp_path_factory: pytest.TempPathFactory, empty_tracking_database: Path) -> Path:
    """Its build, made on local threads without a disturbance."""
    root = tmp_path_factory.mktemp("built")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in own_home(root / "home", empty_tracking_database).items():
            patch.setenv(name, value)
        assert build.main(small.arguments(root / "build")) == 0
    return root / "build"


@pytest.fixture(scope="package", autouse=True)
def _end_spark() -> Iterator[None]:
    yield
    end_spark()
