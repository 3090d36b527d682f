"""Spark sessions that end with the tests that made them."""

from pyspark import SparkContext
from pyspark.sql import SparkSession


def end_spark() -> None:
    """Stop the session and its Java process, which would otherwise stay until pytest has closed its streams."""
    if session := SparkSession.getActiveSession():
        session.stop()
    if gateway := SparkContext._gateway:  # noqa: SLF001
        gateway.shutdown()
        gateway.proc.stdin.close()
        gateway.proc.wait(timeout=30)
        SparkContext._gateway = SparkContext._jvm = None  # noqa: SLF001
