"""Builds whose driver is killed (SIGKILL) and that the same command goes on with, at once; and other losses."""

import argparse
import os
import signal
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from mathmill.corpus.layout import Build
from mathmill.corpus.session import run_spark_job
from mathmill.job import Figures, Job
from tests.corpus.small_crawl import SmallCrawl, contents, own_home
from tests.processes import build, wait_until


@pytest.mark.slow
def test_a_build_that_is_killed_again_and_again_makes_the_same_corpus(
    small: SmallCrawl, built: Path, tmp_path: Path, empty_tracking_database: Path
) -> None:
    out, log = tmp_path / "build", tmp_path / "log"
    home = own_home(tmp_path / "driver", empty_tracking_database)
    made = Build(out)
    scores = made.iteration(1).scores
    # Each while a stage is writing: pages of the first of two files, keys of pages, scores of pages.
    moments = [out / "ingested.partial" / "pages", out / "unique.partial" / "work", scores.with_name("scores.partial")]
    for moment in moments:
        with build(small.arguments(out), home, log) as process:
            wait_until(moment.exists, process)
            process.kill()
            assert process.wait() < 0
    assert not scores.exists()
    with build(small.arguments(out), home, log) as process:
        assert process.wait() == 0
    assert contents(out) == contents(built)
    said = log.read_text(encoding="utf-8")
    assert said.count(f"ingest: {made.ingested} is finished already") == 2
    assert said.count(f"dedup: {made.unique} is finished already") == 1


def test_a_python_worker_that_is_killed_is_told_in_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def body(spark: SparkSession, _job: Job, _arguments: argparse.Namespace) -> Figures:
        spark.sparkContext.parallelize(range(1), 1).foreach(lambda _: os.kill(os.getpid(), signal.SIGKILL))
        return {}

    arguments = argparse.Namespace(recipe="demo", overrides=[], out=tmp_path / "out")
    assert run_spark_job("lost", arguments, body) == 2
    assert "mathmill: error: Spark has lost a Python worker, which was killed or crashed" in capfd.readouterr().err
