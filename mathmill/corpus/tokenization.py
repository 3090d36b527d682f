"""Corpus pages to token shards that `datasets` memory-maps.

A shard is an Arrow file (`datasets.Dataset.from_file`) with a row a document: `url`, `text_hash`, the page's `score`,
and `input_ids`, the tokens of the text as it is and then the tokenizer's end-of-text token, so borders are kept by rows
and by tokens. What a page says never becomes a special token. Documents are dealt to shards by a hash of their URL and
stand there in the order of their URLs, so that the shards are the same files however the corpus is partitioned.

With --previous, the shards of an earlier build of which all documents are in this corpus are taken over as they are,
scores included, and other documents go to new ones, if the tokenizer is the same. A tokenizer that was trained then is
used again.
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

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from mathmill.corpus.session import run_spark_job
from mathmill.corpus.tables import read_pages
from mathmill.corpus.token_shards import DOCUMENTS, write_shards
from mathmill.corpus.tokenizer import Encoder, save_trained, take_tokenizer, train_tokenizer
from mathmill.errors import UserError
from mathmill.job import Figures, Job, job_parser
from mathmill.linked_parts import link_or_copy
from mathmill.output import require_finished, write_text
from mathmill.reuse.reads import Reads

log = logging.getLogger("mathmill")

INDEX = "shards.json"
SHARD_CHARACTERS = 64_000_000
"""Characters of a shard's texts, about: some 80 MB of tokens."""
TRAINING_PAGES = 20_000
"""Pages that a tokenizer learns its merges from."""

READS = Reads(("tokenizer",))


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point."""
    parser = job_parser(__doc__, reusable=True)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--tokenizer", help="folder with a tokenizer.json, or hub name (default: the recipe's)")
    parser.add_argument("--previous", type=Path, help="output of this command for an earlier build")
    arguments = parser.parse_args(argv)
    return run_spark_job("tokenize", arguments, run, reads=READS)


def run(spark: SparkSession, job: Job, arguments: argparse.Namespace) -> Figures:
    """Write `tokenizer/`, `shards/`, `shards.json` and the table `documents` (url, text_hash, shard, tokens)."""
    before = _previous(spark, arguments.previous)
    corpus = read_pages(spark, arguments.corpus)
    score = F.col("score").cast("float") if "score" in corpus.columns else F.lit(None).cast("float")
    pages = corpus.select("url", F.coalesce("text", F.lit("")).alias("text"), score.alias("score"))
    pages = pages.withColumn("text_hash", F.xxhash64("text"))
    _write_tokenizer(pages, job, arguments.tokenizer, before)
    encoder = Encoder(job.out / "tokenizer")
    if encoder.end_token is None:
        log.warning("tokenize: the tokenizer names no eos_token, so nothing but the rows divides documents")
    (job.out / "shards").mkdir()
    taken = None
    if before and before.tokenizer == encoder.digest:
        taken = _taken_over(pages, before, job.out)
        pages = pages.join(taken.select("url", "text_hash"), ["url", "text_hash"], "left_anti")
    _write_shards(pages, job.out, encoder.digest, before.generation + 1 if before else 0)
    if taken is not None:
        taken.write.mode("append").parquet(str(job.out / "documents"))
    documents = spark.read.schema(from_arrow_schema(DOCUMENTS)).parquet(str(job.out / "documents"))
    counts = documents.groupBy("shard").agg(F.count("*").alias("documents"), F.sum("tokens").alias("tokens"))
    shards = [row.asDict() for row in counts.orderBy("shard").collect()]
    totals = {name: sum(shard[name] for shard in shards) for name in ("documents", "tokens")}
    index = {"tokenizer": encoder.digest, "end_token": encoder.end_token, **totals, "shards": shards}
    write_text(job.out / INDEX, json.dumps(index, indent=2))
    earlier = set() if before is None else {shard["shard"] for shard in before.shards}
    taken_over = sum(shard["shard"] in earlier for shard in shards)
    return {**totals, "shards": len(shards), "shards_taken_over": taken_over, "vocabulary": encoder.vocabulary}


@dataclass(frozen=True, slots=True)
class Previous:
    """What an earlier build has tokenised."""

    folder: Path
    tokenizer: str
    """Digest of its tokenizer."""
    shards: list[dict[str, object]]
    documents: DataFrame

    @property
    def generation(self) -> int:
        """The highest generation of its shards."""
        return max((int(str(shard["shard"]).partition("-")[0]) for shard in self.shards), default=0)


def _previous(spark: SparkSession, folder: Path | None) -> Previous | None:
    if folder is None:
        return None
    require_finished(folder, "mathmill corpus tokenize")
    if not (folder / INDEX).is_file():
        raise UserError(f"--previous {folder} has no {INDEX}: give an output of `mathmill corpus tokenize`")
    index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    documents = spark.read.schema(from_arrow_schema(DOCUMENTS)).parquet(str(folder / "documents"))
    return Previous(folder, index["tokenizer"], index["shards"], documents)


def _write_tokenizer(pages: DataFrame, job: Job, name: str | None, before: Previous | None) -> None:
    folder, recipe = job.out / "tokenizer", job.recipe.tokenizer
    given = name or recipe.pretrained
    if given:
        take_tokenizer(given, folder)
    elif before:
        shutil.copytree(before.folder / "tokenizer", folder)
    elif recipe.train:
        chosen = pages.orderBy(F.xxhash64("url"), "url").limit(TRAINING_PAGES).select("text")
        texts = (row["text"] for row in chosen.toLocalIterator())
        save_trained(train_tokenizer(texts, recipe.train.vocabulary), folder)
    else:
        raise UserError(f"recipe {job.recipe.name}: tokenizer needs `pretrained` or `train`")


def _taken_over(pages: DataFrame, before: Previous, out: Path) -> DataFrame:
    """Link the shards of the earlier build of which all documents are among `pages`; their documents."""
    gone = before.documents.join(pages.select("url", "text_hash"), ["url", "text_hash"], "left_anti")
    lost = {row["shard"] for row in gone.select("shard").distinct().collect()}
    kept = [str(shard["shard"]) for shard in before.shards if shard["shard"] not in lost]
    for shard in kept:
        link_or_copy(before.folder / "shards" / shard, out / "shards" / shard)
    return before.documents.where(F.col("shard").isin(kept))


def _write_shards(pages: DataFrame, out: Path, digest: str, generation: int) -> None:
    """Write the shards of `pages`, and the table `documents` of what is in them."""
    characters = pages.agg(F.sum(F.length("text"))).collect()[0][0] or 0
    count = -(-characters // SHARD_CHARACTERS) or 1
    tokenizer, shards = (out / "tokenizer", digest), out / "shards"
    dealt = pages.withColumn("shard", F.pmod(F.xxhash64("url"), F.lit(count)).cast("int"))
    # A shard a partition, and more if Spark makes fewer partitions of them: all rows of a shard are in one.
    dealt = dealt.repartitionById(count, "shard").sortWithinPartitions("shard", "url", "text_hash", "text")
    documents = dealt.mapInArrow(
        lambda batches: write_shards(batches, tokenizer, shards, generation), from_arrow_schema(DOCUMENTS)
    )
    documents.write.parquet(str(out / "documents"))
    # A task that was killed could not remove its half of a shard.
    for left in shards.glob(".*"):
        left.unlink()


if __name__ == "__main__":
    # Under its own name, so that Spark's workers find its functions there.
    sys.exit(import_module("mathmill.corpus.tokenization").main())
