"""The Spark that jobs start."""

import subprocess
import sys

from mathmill.corpus.session import spark_command
from mathmill.recipe_file import load_recipe

JOB = """
from mathmill.corpus.session import spark_session
from mathmill.recipe_file import load_recipe
no_bar = 'spark.conf={"spark.ui.showConsoleProgress": "false"}'
print(spark_session(load_recipe("demo", [no_bar])).range(5).count())
"""


def test_it_starts_without_a_word_of_its_own() -> None:
    """A job's log, which `mathmill demo` and Airflow show, begins with the job's own lines."""
    done = subprocess.run([sys.executable, "-c", JOB], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["5"]
    # The JVM's remark on a module that Spark's launcher adds cannot be switched off.
    said = [line for line in done.stderr.splitlines() if "incubator modules" not in line]
    assert said == []


def test_the_recipes_java_options_come_last_and_so_win() -> None:
    recipe = load_recipe("demo", ["spark.conf={spark.driver.extraJavaOptions: -Dlog4j2.configurationFile=mine}"])
    command, _ = spark_command("mathmill.corpus.score", recipe, [])
    (options,) = [word for word in command if word.startswith("spark.driver.extraJavaOptions=")]
    assert options.count("-Dlog4j2.configurationFile=") == 2
    assert options.endswith(" -Dlog4j2.configurationFile=mine")
