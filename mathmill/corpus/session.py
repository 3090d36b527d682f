"""The Spark session that every corpus job shares, and the command that submits one."""

import argparse
import logging
import os
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mathmill.corpus.class_archive import archive_path
from mathmill.corpus.java import java_home
from mathmill.errors import UserError
from mathmill.job import Figures, Job, run_job
from mathmill.recipe import Recipe
from mathmill.reuse.reads import Reads

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

log = logging.getLogger("mathmill")

LOOPBACK = "127.0.0.1"
PROGRESS_SECONDS = 5.0
MASTER_SECONDS = 10.0
"""How long a master may take to answer: Spark itself tries for a minute and ends with a stack trace."""
JAVA_OPTIONS = "spark.driver.extraJavaOptions"
LOSSES = {
    "Python worker exited unexpectedly": "a Python worker",
    "ExecutorLostFailure": "an executor",
    "Master removed our application": "its executors",
}
"""What Spark says when a process of its own is gone and no try is left, and what that process was."""
LOGGING = Path(__file__).with_name("log4j2.properties")
"""Without it Spark announces its default settings at every start."""


def spark_session(recipe: Recipe) -> "SparkSession":
    """The session of the recipe's Spark, started when there is none.

    Raises:
        UserError: there is no Java that Spark accepts, or the master of a standalone cluster does not answer.
    """
    from pyspark.sql import SparkSession

    _require_master(recipe.spark.master)
    os.environ["JAVA_HOME"] = str(java_home())
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    if _is_here(recipe):
        os.environ.setdefault("SPARK_LOCAL_IP", LOOPBACK)
    builder = SparkSession.builder.appName("mathmill")
    for key, value in _settings(recipe).items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


def run_spark_job(
    stage: str,
    arguments: argparse.Namespace,
    body: "Callable[[SparkSession, Job, argparse.Namespace], Figures]",
    *,
    resume: bool = False,
    reads: Reads | None = None,
) -> int:
    """`run_job` for a body that needs a session."""

    def work(job: Job) -> Figures:
        session = spark_session(job.recipe)
        with _told(session), _losses_in_one_line():
            return body(session, job, arguments)

    return run_job(stage, arguments, work, resume=resume, warm_up=spark_session, reads=reads)


def spark_command(module: str, recipe: Recipe, arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Command and environment that submit a job module of this package, for example `mathmill.corpus.score`."""
    script = Path(__file__).with_name(module.rpartition(".")[2] + ".py")
    settings = [part for key, value in _settings(recipe).items() for part in ("--conf", f"{key}={value}")]
    submit = str(Path(sys.executable).with_name("spark-submit"))
    # Without PYTHONSAFEPATH the script's folder would shadow modules of the standard library.
    environment = {"JAVA_HOME": str(java_home()), "PYSPARK_PYTHON": sys.executable, "PYTHONSAFEPATH": "1"}
    if _is_here(recipe):
        environment["SPARK_LOCAL_IP"] = LOOPBACK
    return [submit, *settings, str(script), *arguments], environment


@contextmanager
def _losses_in_one_line() -> Iterator[None]:
    """Make the loss of Spark's processes, which is no error of the program, a user error."""
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    try:
        yield
    except (Py4JJavaError, PySparkException) as error:
        loss = next((loss for mark, loss in LOSSES.items() if mark in str(error)), None)
        if loss is None:
            raise
        mend = "run the same command again, with more memory or fewer cores if it happens twice"
        raise UserError(f"Spark has lost {loss}, which was killed or crashed: {mend}") from error


@contextmanager
def _told(session: "SparkSession") -> Iterator[None]:
    """Log every few seconds how far the stages are that Spark works on."""
    done = Event()
    tracker = session.sparkContext.statusTracker()

    def tell() -> None:
        while not done.wait(PROGRESS_SECONDS):
            for number in tracker.getActiveStageIds():
                if stage := tracker.getStageInfo(number):
                    log.info("Spark stage %d: %d of %d tasks", number, stage.numCompletedTasks, stage.numTasks)

    teller = Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()


def _settings(recipe: Recipe) -> dict[str, str]:
    settings = {
        "spark.master": recipe.spark.master,
        "spark.driver.memory": recipe.spark.driver_memory,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",  # `_told` does it, in logs as well
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.parquet.compression.codec": "zstd",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "500",
        "spark.python.daemon.module": "mathmill.corpus.worker_daemon",
    }
    options = [f"-Dlog4j2.configurationFile={LOGGING.as_uri()}"]
    if _is_here(recipe):
        settings |= {"spark.driver.host": LOOPBACK, "spark.driver.bindAddress": LOOPBACK}
        archive = archive_path(java_home())
        if archive.is_file():
            options += [f"-XX:SharedArchiveFile={archive}", "-Xlog:cds=off"]
    settings |= recipe.spark.conf
    settings[JAVA_OPTIONS] = " ".join([*options, recipe.spark.conf.get(JAVA_OPTIONS, "")]).strip()
    return settings


def _require_master(master: str) -> None:
    """See that one of the hosts of `spark://HOST:PORT,…` answers."""
    scheme, _, places = master.partition("://")
    if scheme != "spark":
        return
    for place in places.split(","):
        host, _, port = place.rpartition(":")
        try:
            socket.create_connection((host, int(port)), MASTER_SECONDS).close()
        except (OSError, ValueError):
            continue
        return
    raise UserError(f"spark.master {master} does not answer: start the cluster, or set another spark.master")


def _is_here(recipe: Recipe) -> bool:
    """Whether driver and executors meet on this machine's loopback."""
    master = recipe.spark.master
    return master.startswith("local") or urlsplit(master).hostname in {LOOPBACK, "localhost"}
