"""A build on a real Spark standalone cluster: a master and two workers, whose executors run Python of their own."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pyspark
import pytest

from mathmill.corpus.java import java_home
from tests.corpus.small_crawl import SmallCrawl, contents, own_home
from tests.processes import build, kill_all, started, wait_until

DEPLOY = "org.apache.spark.deploy"
LOOPBACK = "127.0.0.1"
SERVER = ["--host", LOOPBACK, "--port", "0", "--webui-port", "0"]
WORKER = [*SERVER, "--cores", "1", "--memory", "1g"]

pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True)
class Cluster:
    """A master, by its address, and its workers."""

    master: str
    workers: list[subprocess.Popen[bytes]]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    spark_class = str(Path(pyspark.__file__).parent / "bin" / "spark-class")
    environment = os.environ | {"JAVA_HOME": str(java_home()), "SPARK_LOCAL_IP": LOOPBACK}
    log = tmp_path / "master.log"
    with ExitStack() as running:
        master = running.enter_context(started([spark_class, f"{DEPLOY}.master.Master", *SERVER], environment, log))
        wait_until(lambda: _address(log), master)
        workers = []
        for name in ("one", "two"):
            arguments = [*WORKER, "--work-dir", str(tmp_path / name), _address(log)]
            command = [spark_class, f"{DEPLOY}.worker.Worker", *arguments]
            workers.append(running.enter_context(started(command, environment, tmp_path / f"{name}.log")))
        wait_until(lambda: log.read_text(encoding="utf-8").count("Registering worker") == len(workers), master)
        yield Cluster(_address(log), workers)


def test_a_cluster_that_loses_a_worker_makes_the_corpus_that_local_threads_make(
    cluster: Cluster, small: SmallCrawl, built: Path, tmp_path: Path, empty_tracking_database: Path
) -> None:
    """The loss comes late, when stages of all kinds but the last two have run on both workers."""
    out = tmp_path / "build"
    arguments = small.arguments(out, f"spark.master={cluster.master}")
    with build(arguments, own_home(tmp_path / "driver", empty_tracking_database), tmp_path / "log") as process:
        wait_until((out / "iteration-2" / "scores.partial").exists, process)
        kill_all(cluster.workers[0])
        assert process.wait() == 0
    assert contents(out) == contents(built)


def _address(log: Path) -> str:
    found = re.search(rf"Starting Spark master at (spark://{LOOPBACK}:\d+)", log.read_text(encoding="utf-8"))
    return found.group(1) if found else ""
