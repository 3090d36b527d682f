"""The classifier in the memory of Spark's Python workers: one copy for all workers of a host.

A worker that loaded the classifier itself would hold two gigabytes of its own. Forked from a process that holds it
(`mathmill.corpus.worker_daemon`), workers share those pages, since scoring only reads them.
"""

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from mathmill.corpus.classifier import load

if TYPE_CHECKING:
    from pyspark import SparkContext

CLASSIFIER = "MATHMILL_CLASSIFIER"


def share(context: "SparkContext", model: str) -> None:
    """Have the workers of the jobs that are defined from now on share the classifier in the file `model`."""
    context.environment[CLASSIFIER] = model


@cache
def shared_classifier() -> Any:
    """The classifier that this process, or the one that it was forked from, loaded."""
    return load(os.environ[CLASSIFIER])
