"""Remove pages that hold benchmark text (section 2.1).

A page goes when it shares ten words in a row with a benchmark's question or solution, or holds in full one of three
to nine words; `mathmill.corpus.normalisation` says when words are the same, `mathmill.corpus.ngram_index` which are
evidence. Words on more pages than `corpus.decontamination.common_pages` are none, nor are those of the allow-list.

The unit that goes is the page, or with `corpus.decontamination.unit: segment` its segments, divided by blank lines,
that hold some of such words; the page goes on without them while `corpus.min_bytes` are left.

Benchmarks are those of the recipe's corpus, the tasks that its models are evaluated on, and the files of --benchmarks:
folders, files and globs in their publishers' layouts. Of a folder, training splits are left out.

With --previous, the output of the build before, the pages that it kept are kept first, and new pages under their URLs
left out. They are not read again while the benchmarks and the rule are the same, else searched like the new ones.
"""

import argparse
import json
import logging
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema
from pyspark.sql.types import StructType

from mathmill.corpus.contamination import BenchmarkSet
from mathmill.corpus.contamination_hits import HITS, count_ngrams, find_hits
from mathmill.corpus.contamination_report import Tables, contamination_report, figures, log_report, write_items
from mathmill.corpus.layout import CONTAMINATION_ITEMS, CONTAMINATION_REPORT
from mathmill.corpus.segments import cut_pages
from mathmill.corpus.session import run_spark_job
from mathmill.corpus.tables import read_pages
from mathmill.corpus.words import words
from mathmill.errors import UserError
from mathmill.job import Figures, Job, job_parser
from mathmill.linked_parts import link_parts
from mathmill.output import require_finished, write_text
from mathmill.questions.benchmarks import BenchmarkItem, LeftOut, published_items, source_items
from mathmill.recipe import Recipe
from mathmill.reuse.reads import Reads

log = logging.getLogger("mathmill")

CORPUS = ("url", "text", "score", "iteration", "content_languages", "token_count")
REMOVED = ("url", "benchmark", "item_id", "matched_text", "ngram_length", "segment", "text")

READS = Reads(("corpus.decontamination", "corpus.benchmarks", "corpus.min_bytes", "evaluation.tasks"))


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point."""
    parser = job_parser(__doc__, reusable=True)
    parser.add_argument("--pages", type=Path, required=True)
    parser.add_argument(
        "--benchmarks", nargs="+", default=[], help="folders, files and globs of question sets beside the recipe's"
    )
    parser.add_argument("--previous", type=Path, help="output of this command for an earlier build")
    arguments = parser.parse_args(argv)
    return run_spark_job("decontaminate", arguments, run, reads=READS)


def run(spark: SparkSession, job: Job, arguments: argparse.Namespace) -> Figures:
    """Write the tables `kept`, which is the corpus, `removed`, `hits`, `ngrams` and `items`, and `report.json`."""
    recipe = job.recipe.corpus.decontamination
    items, left_out = benchmark_items(job.recipe, arguments.benchmarks)
    benchmarks = BenchmarkSet.of(items, recipe)
    before = _previous(spark, arguments.previous, benchmarks.digest)
    pages = _corpus_pages(read_pages(spark, arguments.pages), before)

    def write(table: DataFrame, name: str) -> DataFrame:
        table.write.parquet(str(job.out / name))
        return spark.read.schema(table.schema).parquet(str(job.out / name))

    # By its digest, since a worker keeps what it has loaded by name.
    work = str(job.out / f"benchmarks-{benchmarks.digest}")
    benchmarks.save(Path(work))
    searched = Observation()
    read = pages.select("url", "text").observe(searched, F.count(F.lit(1)).alias("pages"))
    hits = write(read.mapInArrow(lambda batches: find_hits(batches, work), from_arrow_schema(HITS)), "hits")
    shutil.rmtree(work)
    known = hits.unionByName(before.hits) if before and before.unchanged else hits
    ngrams = write(count_ngrams(known, recipe.common_pages), "ngrams")
    evidence = hits.join(ngrams.where("excused is null").select("ngram"), "ngram", "left_semi")
    if recipe.unit == "page":
        removed = write(_pages_with(evidence, pages), "removed")
        kept = write(_without(removed, pages), "kept")
    else:
        cut = write(_cut(evidence, pages, job.recipe.corpus.min_bytes), "cut")
        removed = write(cut.where("benchmark is not null").select(*REMOVED), "removed")
        rest = cut.where("benchmark is null").select(*pages.columns)
        kept = write(_without(cut, pages).unionByName(rest), "kept")
        shutil.rmtree(job.out / "cut")
    if before and before.unchanged:
        for name in ("kept", "hits"):
            link_parts(before.folder / name, job.out / name)
        kept = spark.read.schema(kept.schema).parquet(str(job.out / "kept"))
    tables = Tables(kept, removed, hits, evidence, ngrams)
    report = contamination_report(benchmarks, left_out, searched.get["pages"], tables)
    write_text(job.out / CONTAMINATION_REPORT, json.dumps(report, indent=2, ensure_ascii=False))
    write_items(job.out / CONTAMINATION_ITEMS, benchmarks, report)
    log_report(job.run, report, removed)
    return figures(report)


def benchmark_items(recipe: Recipe, places: Sequence[str]) -> tuple[list[BenchmarkItem], list[LeftOut]]:
    """The items of the recipe's benchmarks and tasks and of `places`, and the files there that hold none.

    Raises:
        UserError: there is nothing to look for, or some of it cannot be read.
    """
    sources = [*recipe.corpus.benchmarks]
    sources += [task for task in recipe.evaluation.tasks.values() if task not in sources]
    items, left_out = published_items(places)
    for one in left_out:
        log.warning("decontaminate: %s is left out: %s", one.file, one.reason)
    items = [*(item for source in sources for item in source_items(source)), *items]
    if not items:
        raise UserError("no benchmarks: give --benchmarks, or corpus.benchmarks in the recipe")
    return items, left_out


@dataclass(frozen=True, slots=True)
class Previous:
    """What an earlier build kept and found."""

    folder: Path
    kept: DataFrame
    hits: DataFrame
    unchanged: bool
    """Whether its kept pages are clean by this build's benchmarks and rule."""


def _previous(spark: SparkSession, folder: Path | None, digest: str) -> Previous | None:
    if folder is None:
        return None
    require_finished(folder, "mathmill corpus decontaminate")
    report = folder / CONTAMINATION_REPORT
    if not report.is_file():
        raise UserError(
            f"--previous {folder} has no {CONTAMINATION_REPORT}: give an output of `mathmill corpus decontaminate`"
        )
    kept = spark.read.parquet(str(folder / "kept"))
    hits = spark.read.schema(from_arrow_schema(HITS)).parquet(str(folder / "hits"))
    return Previous(folder, kept, hits, json.loads(report.read_text(encoding="utf-8"))["digest"] == digest)


def _corpus_pages(pages: DataFrame, before: Previous | None) -> DataFrame:
    """The pages to search, each URL once, with the columns that a corpus has."""
    pages = pages.fillna("", ["text"])
    if "token_count" not in pages.columns:
        pages = pages.withColumn("token_count", F.udf(lambda text: len(words(text)), "long", useArrow=False)("text"))
    pages = _each_once(pages.select(*[name for name in CORPUS if name in pages.columns]))
    if before is None:
        return pages
    pages = pages.join(before.kept.select("url"), "url", "left_anti")
    return pages if before.unchanged else pages.unionByName(before.kept, allowMissingColumns=True)


def _each_once(pages: DataFrame) -> DataFrame:
    """The pages, of a URL that stands several times the one with the smallest text.

    Only the texts of such URLs are shuffled.
    """
    twice = pages.groupBy("url").count().where("count > 1").select("url").persist()
    if twice.isEmpty():
        return pages
    row = F.struct("text", *[name for name in pages.columns if name != "text"])
    one = pages.join(F.broadcast(twice), "url").groupBy("url").agg(F.min(row).alias("row")).select("row.*")
    return _without(twice, pages).unionByName(one)


def _without(those: DataFrame, pages: DataFrame) -> DataFrame:
    return pages.join(F.broadcast(those.select("url").distinct()), "url", "left_anti").select(*pages.columns)


def _pages_with(evidence: DataFrame, pages: DataFrame) -> DataFrame:
    """The pages to remove, each with the item that it holds most of and the first n-gram of this."""
    each = evidence.withColumn("item", F.explode("items")).groupBy("url", "item")
    place = F.min(F.struct("start", "end", "matched_text", "ngram_length")).alias("place")
    held = each.agg((-F.count_distinct("ngram")).alias("order"), place)
    most = held.groupBy("url").agg(F.min(F.struct("order", "place", "item")).alias("most"))
    found = most.select("url", "most.item.*", "most.place.*", F.lit(None).cast("int").alias("segment"))
    return pages.select("url", "text").join(F.broadcast(found), "url").select(*REMOVED)


def _cut(evidence: DataFrame, pages: DataFrame, least: int) -> DataFrame:
    """What is left and what is removed of the pages that hold some of benchmarks (`mathmill.corpus.segments`)."""
    item = F.col("items")[0]
    named = evidence.withColumns({name: item[name] for name in ("benchmark", "item_id")})
    find = F.struct("start", "end", "benchmark", "item_id", "matched_text", "ngram_length")
    found = named.groupBy("url").agg(F.sort_array(F.collect_list(find)).alias("finds"))
    parts = StructType.fromDDL("benchmark string, item_id string, matched_text string, ngram_length int, segment int")
    schema = StructType([*pages.schema.fields, *parts.fields])
    arrow = to_arrow_schema(schema)
    suspect = pages.join(F.broadcast(found), "url")
    return suspect.mapInArrow(lambda batches: cut_pages(batches, least, arrow), schema)


if __name__ == "__main__":
    # Under its own name, so that Spark's workers find its functions there.
    sys.exit(import_module("mathmill.corpus.decontaminate").main())
