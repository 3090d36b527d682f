"""The Spark session that these tests share ends with them."""

from collections.abc import Iterator

import pytest
from pyspark import SparkContext
from pyspark.sql import SparkSession


@pytest.fixture(scope="package", autouse=True)
def _end_spark() -> Iterator[None]:
    """Stop the session and its Java process, which would otherwise stay until pytest has closed its streams."""
    yield
    if session := SparkSession.getActiveSession():
        session.stop()
    if gateway := SparkContext._gateway:  # noqa: SLF001
        gateway.shutdown()
        gateway.proc.stdin.close()
        gateway.proc.wait(timeout=30)
        SparkContext._gateway = SparkContext._jvm = None  # noqa: SLF001
