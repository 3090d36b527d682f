"""What these tests share: a small crawl and its build, and a Spark session that ends with them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark import SparkContext
from pyspark.sql import SparkSession

from mathmill.corpus import build
from tests.corpus.small_crawl import SmallCrawl, own_home, small_crawl


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
    """Stop the session and its Java process, which would otherwise stay until pytest has closed its streams."""
    yield
    if session := SparkSession.getActiveSession():
        session.stop()
    if gateway := SparkContext._gateway:  # noqa: SLF001
        gateway.shutdown()
        gateway.proc.stdin.close()
        gateway.proc.wait(timeout=300)
        SparkContext._gateway = SparkContext._jvm = None  # noqa: SLF001
