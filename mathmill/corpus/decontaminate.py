"""Remove pages that hold benchmark text (section 2.1).

A page goes when it shares ten words in a row with a benchmark's question or solution, or holds in full one of three
to nine words. Words are those of `mathmill.corpus.words`: compatibility form, case-folded, punctuation ignored, a Han
character a word of its own. Ten words of which fewer than `LEAST_LETTERS` hold a letter are no evidence, nor is a
shorter text without any: tables of numbers share them by chance. The whole page is removed.

Benchmarks are those of the recipe's corpus, and the tasks that its models are evaluated on.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from mathmill.corpus.session import run_spark_job
from mathmill.corpus.tables import read_pages
from mathmill.corpus.words import words
from mathmill.errors import UserError
from mathmill.job import Figures, Job, job_parser
from mathmill.questions import Question, load_questions
from mathmill.recipe_corpus import DecontaminationRecipe
from mathmill.recipe_questions import FileSource

LEAST_LETTERS = 3
CORPUS = ("url", "text", "score", "iteration", "content_languages", "token_count")
HIT = "benchmark string, item_id string, matched_text string, ngram_length int"


def main(argv: Sequence[str] | None = None) -> int:
    """Command-line entry point."""
    parser = job_parser(__doc__)
    parser.add_argument("--pages", type=Path, required=True)
    parser.add_argument("--benchmarks", type=Path, help="folder of question sets (*.jsonl) beside the recipe's")
    arguments = parser.parse_args(argv)
    return run_spark_job("decontaminate", arguments, run)


def run(spark: SparkSession, job: Job, arguments: argparse.Namespace) -> Figures:
    """Write `kept`, which is the corpus, and `removed`."""
    recipe = job.recipe.corpus.decontamination
    sources = [*job.recipe.corpus.benchmarks]
    sources += [task for task in job.recipe.evaluation.tasks.values() if task not in sources]
    if arguments.benchmarks:
        sources += [FileSource(kind="file", path=str(path)) for path in _question_sets(arguments.benchmarks)]
    questions = [question for source in sources for question in load_questions(source)]
    index = spark.sparkContext.broadcast(benchmark_index(questions, recipe))
    pages = read_pages(spark, arguments.pages)
    find = F.udf(lambda text: first_hit(text, index.value), HIT)
    marked = pages.withColumn("hit", find("text")).persist()
    removed = marked.where("hit is not null").select("url", "hit.*", "text")
    removed.write.parquet(str(job.out / "removed"))
    kept = [name for name in CORPUS if name in pages.columns]
    marked.where("hit is null").select(*kept).write.parquet(str(job.out / "kept"))
    removed = spark.read.parquet(str(job.out / "removed"))
    shown = removed.drop("text").orderBy("url").limit(200).toPandas()
    job.run.log_table({name: shown[name].tolist() for name in shown}, "removed.json")
    totals = spark.read.parquet(str(job.out / "kept")).agg(F.count("*"), F.sum("token_count")).collect()[0]
    return {"items": len(questions), "removed": removed.count(), "pages": totals[0], "tokens": totals[1] or 0}


def benchmark_index(
    questions: Sequence[Question], recipe: DecontaminationRecipe
) -> Mapping[int, Mapping[tuple[str, ...], tuple[str, str]]]:
    """By length, the word runs that condemn a page, each with the benchmark and item it comes from."""
    index: dict[int, dict[tuple[str, ...], tuple[str, str]]] = {}
    for question in questions:
        for text in (question.question, question.solution or ""):
            tokens = words(text)
            size = min(recipe.ngram, len(tokens))
            if size < recipe.min_ngram:
                continue
            least = LEAST_LETTERS if size == recipe.ngram else 1
            for start in range(len(tokens) - size + 1):
                run_of_words = tuple(tokens[start : start + size])
                if _with_letters(run_of_words) >= least:
                    index.setdefault(size, {}).setdefault(run_of_words, (question.source, question.id))
    return index


def first_hit(
    text: str, index: Mapping[int, Mapping[tuple[str, ...], tuple[str, str]]]
) -> tuple[str, str, str, int] | None:
    """The first benchmark run that a page holds: benchmark, item, the words matched, their number; or None."""
    tokens = words(text)
    for size in sorted(index, reverse=True):
        known = index[size]
        for run_of_words in zip(*(tokens[start:] for start in range(size)), strict=False):
            if run_of_words in known:
                benchmark, item = known[run_of_words]
                return benchmark, item, " ".join(run_of_words), size
    return None


def _with_letters(run_of_words: Sequence[str]) -> int:
    return sum(any(letter.isalpha() for letter in word) for word in run_of_words)


def _question_sets(folder: Path) -> Iterator[Any]:
    found = sorted(folder.rglob("*.jsonl"))
    if not found:
        raise UserError(f"--benchmarks {folder}: no *.jsonl there")
    return iter(found)


if __name__ == "__main__":
    # Under its own name, so that Spark's workers find its functions there.
    sys.exit(import_module("mathmill.corpus.decontaminate").main())
