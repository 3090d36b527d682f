"""The Spark that jobs start."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mathmill.corpus.session import spark_command, spark_session
from mathmill.errors import UserError
from mathmill.recipe_file import load_recipe

JOB = """
import argparse, logging, sys, time
from pathlib import Path
from mathmill.corpus import session

def body(spark, job, arguments):
    spark.sparkContext.parallelize(range(4), 4).foreach(lambda number: time.sleep(1 + number))
    return {"rows": spark.range(5).count()}

session.PROGRESS_SECONDS = 0.2
arguments = argparse.Namespace(recipe="demo", overrides=[], out=Path(sys.argv[1]))
sys.exit(session.run_spark_job("count", arguments, body))
"""


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory, empty_tracking_database: Path) -> list[str]:
    """What a job of four tasks of one to four seconds, two at a time, writes."""
    home = tmp_path_factory.mktemp("home")
    shutil.copyfile(empty_tracking_database, home / "mlflow.db")
    place = {"MATHMILL_HOME": str(home), "MLFLOW_TRACKING_URI": f"sqlite:///{home}/mlflow.db"}
    command = [sys.executable, "-c", JOB, str(home / "out")]
    done = subprocess.run(command, env=os.environ | place, capture_output=True, text=True, check=True)
    return done.stderr.splitlines()


def test_spark_starts_without_a_word_of_its_own(log: list[str]) -> None:
    # The JVM's remark on a module that Spark's launcher adds cannot be switched off.
    said = [line for line in log if "incubator modules" not in line]
    assert [line for line in said if not line.startswith(("Spark stage ", "count: "))] == []


def test_a_job_tells_how_far_spark_is(log: list[str]) -> None:
    stages = [line for line in log if line.startswith("Spark stage ")]
    assert stages[0] == "Spark stage 0: 0 of 4 tasks"
    assert {"Spark stage 0: 1 of 4 tasks", "Spark stage 0: 2 of 4 tasks", "Spark stage 0: 3 of 4 tasks"} & {*stages}


@pytest.mark.parametrize("master", ["spark://127.0.0.1:1", "spark://127.0.0.1", "spark://127.0.0.1:1,127.0.0.1:2"])
def test_a_master_that_does_not_answer_is_one_line(master: str) -> None:
    with pytest.raises(UserError, match=f"spark.master {master} does not answer"):
        spark_session(load_recipe("demo", [f"spark.master={master}"]))


def test_the_recipes_java_options_come_last_and_so_win() -> None:
    recipe = load_recipe("demo", ["spark.conf={spark.driver.extraJavaOptions: -Dlog4j2.configurationFile=mine}"])
    command, _ = spark_command("mathmill.corpus.score", recipe, [])
    (options,) = [word for word in command if word.startswith("spark.driver.extraJavaOptions=")]
    assert options.count("-Dlog4j2.configurationFile=") == 2
    assert options.endswith(" -Dlog4j2.configurationFile=mine")
