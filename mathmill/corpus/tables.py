"""The columns of the corpus tables, and how pages are read and spread over their URL prefixes."""

from pathlib import Path
from typing import TYPE_CHECKING

from mathmill.corpus.addresses import prefixes
from mathmill.corpus.decisions import AUTO
from mathmill.errors import UserError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

PAGES = (
    "url string, url_surtkey string, url_host_name string, url_host_registered_domain string, url_path string,"
    " crawl string, fetch_time timestamp, content_mime_detected string, content_languages string,"
    " content_digest string, warc_filename string, warc_record_offset long, warc_record_length long, text string,"
    " has_math boolean, token_count long, content_truncated string"
)
REJECTED = "url string, warc_filename string, warc_record_offset long, reason string, detail string"


def read_pages(spark: "SparkSession", path: Path) -> "DataFrame":
    """Pages with at least `url` and `text`: a Parquet or JSON Lines file, a folder of them, or a job's output.

    Raises:
        UserError: there is nothing to read, or a column is missing.
    """
    folder = path / "pages" if (path / "pages").is_dir() else path
    if not folder.exists():
        raise UserError(f"--pages {path} does not exist: make it with `mathmill corpus ingest`")
    is_json = folder.name.endswith((".jsonl", ".json")) or (
        folder.is_dir() and not any(folder.rglob("*.parquet")) and any(folder.glob("*.jsonl"))
    )
    table = spark.read.json(str(folder)) if is_json else spark.read.parquet(str(folder))
    if missing := {"url", "text"} - set(table.columns):
        raise UserError(f"--pages {path} has no column {min(missing)}: pages need url and text")
    return table


def each_url_once(pages: "DataFrame") -> "DataFrame":
    """`url` and `text`, of a URL that stands several times the smallest text, in whatever order they come."""
    from pyspark.sql import functions as F

    return pages.groupBy("url").agg(F.min("text").alias("text"))


def by_url_prefix(pages: "DataFrame") -> "DataFrame":
    """Each page once for every URL prefix that it stands under, named in the new column `url_prefix`."""
    from pyspark.sql import functions as F

    # Left to choose, pyspark looks for Arrow's types in the function's hints and warns that there are none.
    prefixes_of = F.udf(prefixes, "array<string>", useArrow=False)
    return pages.withColumn("url_prefix", F.explode(prefixes_of("url")))


def under_mathematics(pages: "DataFrame", annotations: Path) -> "DataFrame":
    """The URLs of those `pages` that are annotated as mathematics, each once.

    A person's decision about a prefix is one about all that it begins, but for longer prefixes that a person decided
    too. Where no person decided, any prefix that thresholds call mathematics makes a page so.
    """
    from pyspark.sql import functions as F

    table = pages.sparkSession.read.parquet(str(annotations / "annotations"))
    under = by_url_prefix(pages.select("url")).join(table, "url_prefix")
    length = F.when(F.col("annotator") != AUTO, F.length("url_prefix"))
    by_person = F.max_by("is_math", length)
    decided = under.groupBy("url").agg(F.coalesce(by_person, F.bool_or("is_math")).alias("is_math"))
    return decided.where("is_math").select("url")
