"""Corpus pages to token shards that `datasets` memory-maps, one row a document, with the tokenizer beside them."""

import argparse
import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from mathmill.corpus.session import run_spark_job
from mathmill.corpus.tables import read_pages
from mathmill.errors import UserError
from mathmill.job import Figures, Job, job_parser
from mathmill.recipe import Recipe

BEGIN, END, PAD = "<|begin|>", "<|end|>", "<|pad|>"
TRAINING_PAGES = 20_000
"""Pages that a tokenizer learns its merges from."""


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point."""
    parser = job_parser(__doc__)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, help="folder of a tokenizer (default: the recipe's)")
    arguments = parser.parse_args(argv)
    return run_spark_job("tokenize", arguments, run)


def run(spark: SparkSession, job: Job, arguments: argparse.Namespace) -> Figures:
    """Write `tokenizer/` and `shards/`."""
    pages = read_pages(spark, arguments.corpus).select("url", "text")
    folder = job.out / "tokenizer"
    if arguments.tokenizer:
        shutil.copytree(arguments.tokenizer, folder)
    else:
        _recipe_tokenizer(pages, job.recipe, folder)
    if not (folder / "tokenizer.json").is_file():
        raise UserError(f"{arguments.tokenizer} holds no tokenizer.json: name a fast tokenizer's folder")
    shards = pages.mapInPandas(lambda frames: _encode(frames, str(folder)), "url string, input_ids array<int>")
    shards.sortWithinPartitions("url").write.parquet(str(job.out / "shards"))
    written = spark.read.parquet(str(job.out / "shards"))
    totals = written.agg(F.count("*"), F.sum(F.size("input_ids"))).collect()[0]
    return {
        "documents": totals[0],
        "tokens": totals[1] or 0,
        "vocabulary": Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab_size(),
    }


def train_tokenizer(texts: Iterator[str], vocabulary: int) -> Tokenizer:
    """A byte-level BPE in which every digit is a token of its own."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[BEGIN, END, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def _recipe_tokenizer(pages: DataFrame, recipe: Recipe, folder: Path) -> None:
    folder.mkdir()
    if recipe.tokenizer.pretrained is not None:
        tokenizer: Tokenizer = Tokenizer.from_pretrained(recipe.tokenizer.pretrained)
        tokenizer.save(str(folder / "tokenizer.json"))
        return
    if recipe.tokenizer.train is None:
        raise UserError(f"recipe {recipe.name}: tokenizer needs `pretrained` or `train`")
    chosen = pages.orderBy(F.xxhash64("url"), "url").limit(TRAINING_PAGES).select("text")
    tokenizer = train_tokenizer((row["text"] for row in chosen.toLocalIterator()), recipe.tokenizer.train.vocabulary)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": BEGIN,
        "eos_token": END,
        "pad_token": PAD,
        "clean_up_tokenization_spaces": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2), encoding="utf-8")


@cache
def _tokenizer(folder: str) -> tuple[Tokenizer, list[int]]:
    """The tokenizer and the ids that end a document, loaded once a Python worker."""
    tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
    end = tokenizer.token_to_id(END)
    return tokenizer, [] if end is None else [end]


def _encode(frames: Iterator[Any], folder: str) -> Iterator[Any]:
    tokenizer, end = _tokenizer(folder)
    for frame in frames:
        encoded = tokenizer.encode_batch(frame["text"].tolist(), add_special_tokens=False)
        yield frame[["url"]].assign(input_ids=[one.ids + end for one in encoded])


if __name__ == "__main__":
    # Under its own name, so that Spark's workers find its functions there.
    sys.exit(import_module("mathmill.corpus.tokenization").main())
