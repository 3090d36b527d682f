"""Spark's classes as a shared archive that a JVM maps instead of loading and verifying them one by one.

Made once, by set-up. Every Spark job on this machine then starts in about half the time.
Source: JEP 350, dynamic class-data sharing archives.
"""

import os
import subprocess
import sys
import tempfile
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from mathmill.corpus.java import java_home
from mathmill.errors import UserError
from mathmill.job import exit_code


def archive_path(java: Path) -> Path:
    """Where the archive for this Spark under the Java at `java` lies, whether or not it was made."""
    release = java / "release"
    about = release.read_text(encoding="utf-8") if release.is_file() else str(java)
    digest = sha256(f"{about} {version('pyspark')}".encode()).hexdigest()[:12]
    return Path(sys.prefix) / "share" / "mathmill" / f"spark-{digest}.jsa"


def make_archive() -> None:
    """Run a small job of each kind that the corpus stages do, and keep the classes it needed.

    Raises:
        UserError: there is no Java, or the job fails.
    """
    path = archive_path(java_home())
    if path.is_file():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}")
    with tempfile.TemporaryDirectory(prefix="mathmill-classes-") as scratch:
        options = f"-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:ArchiveClassesAtExit={partial}"
        command = [sys.executable, "-m", "mathmill.corpus.class_archive", "--exercise", options]
        done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False)
    if done.returncode or not partial.is_file():
        raise UserError(f"Spark does not run with the Java at {java_home()}: {done.stderr.strip()[-2000:]}")
    partial.rename(path)


def exercise(java_options: str) -> None:
    """Read, write, map with Python, join, rank and count in the current folder."""
    from pyspark.sql import SparkSession, Window
    from pyspark.sql import functions as F

    os.environ.update(JAVA_HOME=str(java_home()), SPARK_LOCAL_IP="127.0.0.1", PYSPARK_PYTHON=sys.executable)
    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.sql.parquet.compression.codec", "zstd")
    builder = builder.config("spark.driver.extraJavaOptions", java_options).config("spark.sql.shuffle.partitions", "2")
    spark = builder.getOrCreate()
    Path("rows.jsonl").write_text('{"url": "a", "text": "b c"}\n{"url": "d", "text": "e"}\n', encoding="utf-8")
    rows = spark.read.json("rows.jsonl").withColumn("day", F.current_timestamp())
    rows.write.parquet("rows")
    mapped = spark.read.parquet("rows").mapInPandas(lambda frames: frames, rows.schema).persist()
    first = mapped.withColumn("rank", F.row_number().over(Window.partitionBy("url").orderBy(F.xxhash64("text"))))
    joined = first.join(rows.select("url"), "url", "left_anti").unionByName(first).dropDuplicates(["url"])
    words = joined.select("url", F.posexplode(F.split("text", " "))).groupBy("url").agg(F.count("*"), F.max("col"))
    words.localCheckpoint().orderBy("url").limit(5).toPandas()
    joined.select("url").write.json("out")
    spark.stop()


def main() -> int:
    """Make the archive unless it is there."""
    if sys.argv[1:2] == ["--exercise"]:
        exercise(sys.argv[2])
        return 0
    return exit_code(make_archive)


if __name__ == "__main__":
    sys.exit(main())
