"""From a model to what its corpus had held of the benchmarks, over real decontaminated and tokenised builds."""

import csv
import json
import re
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mathmill import home
from mathmill.corpus.layout import Build
from mathmill.evaluation.accuracy import Proportion
from mathmill.evaluation.contamination import contamination_table, task_contamination, write_contamination
from mathmill.evaluation.learned_corpus import FoundItem, LearnedCorpus, UnknownCorpus, learned_corpus
from mathmill.home import CHECKOUT
from mathmill.questions import load_questions
from mathmill.recipe_file import load_recipe
from mathmill.recipe_questions import FileSource
from mathmill.training.data import digest
from mathmill.training.model_directory import ModelRecord
from tests.corpus.small_crawl import own_home

RECIPE = """
name: tiny
spark: {master: "local[1]", driver_memory: 1g, conf: {spark.sql.shuffle.partitions: "1"}}
tokenizer: {pretrained: null, train: {vocabulary: 300}}
model:
  checkpoint: null
  shape: {hidden_size: 8, intermediate_size: 8, layers: 1, attention_heads: 1, key_value_heads: 1}
pretrain: {mixture: [{name: corpus, weight: 1.0}]}
"""
GSM8K = [
    {"question": "Tom has 12 red marbles and gives his sister half of them on Monday.", "answer": "12/2=6\n#### 6"},
    {"question": "A baker sells 30 rolls each morning and twice as many every evening in town.", "answer": "#### 90"},
    {"question": "Nine grey geese fly over seven lakes; how many geese fly over no lake at all?", "answer": "#### 0"},
    {"question": "One plus one?", "answer": "#### 2"},
    {"question": "Six?", "answer": "#### 6"},
]
PROBED = {
    ("gsm8k/test", "gsm8k"): "gsm8k/test.jsonl",
    ("math/test", "math"): "math/test.jsonl",
    ("cmath/test", "cmath"): "cmath/test.jsonl",
    ("agieval/gaokao-mathcloze", "agieval"): "agieval/gaokao-mathcloze.jsonl",
    ("agieval/gaokao-mathqa", "agieval"): "agieval/gaokao-mathqa.jsonl",
}
"""Benchmarks of the labels and their layouts, by file."""
FILLER = "This page is about gardening and the seasons, and tells how deep to plant each bulb. " * 20
FIRST = {
    "http://a.example/clean": FILLER,
    "http://a.example/tom": f"{FILLER} Tom has 12 red marbles and gives his sister half of them. {FILLER}",
    "http://a.example/tom-again": "He says: Tom has 12 red marbles and gives his sister half of them.",
}
SECOND = {
    "http://b.example/clean": FILLER.replace("bulb", "seed"),
    "http://b.example/baker": "A baker sells 30 rolls each morning and twice as many every evening in town.",
}


def write_pages(folder, pages):
    folder.mkdir(parents=True)
    rows = [{"url": url, "text": text, "score": 0.9, "iteration": 1} for url, text in pages.items()]
    pq.write_table(pa.Table.from_pylist(rows), folder / "pages.parquet")
    return folder


def build_stages(build, recipe, pages, benchmarks, previous=None):
    """The commands that decontaminate and tokenise."""
    common = ["--recipe", str(recipe)]
    earlier = [] if previous is None else ["--previous", str(previous.decontaminated)]
    places = ["--pages", str(pages), "--benchmarks", *map(str, benchmarks)]
    return [
        ["corpus", "decontaminate", *common, *places, *earlier, "--out", str(build.decontaminated)],
        ["corpus", "tokenize", *common, "--corpus", str(build.corpus), "--out", str(build.tokens)],
    ]


def run_stages(stages, environment):
    """Run commands in a process of their own, and so in one Spark session that ends with it."""
    script = "import json, sys; from mathmill.cli import main; sys.exit(max(map(main, json.loads(sys.argv[1]))))"
    command = [sys.executable, "-c", script, json.dumps(stages)]
    ran = subprocess.run(command, env=environment, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


@pytest.fixture(scope="module")
def world(tmp_path_factory, empty_tracking_database):
    """Two builds, the second a refresh of the first, the recipe and the benchmarks."""
    root = tmp_path_factory.mktemp("world")
    recipe = root / "tiny.yaml"
    recipe.write_text(RECIPE)
    sets = root / "sets" / "gsm8k"
    sets.mkdir(parents=True)
    (sets / "test.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in GSM8K))
    first, second = Build(root / "first"), Build(root / "second")
    stages = build_stages(first, recipe, write_pages(first.root / "pages", FIRST), [sets.parent])
    stages += build_stages(second, recipe, write_pages(second.root / "pages", SECOND), [sets.parent], first)
    run_stages(stages, own_home(root / "home", empty_tracking_database))
    return root, load_recipe(str(recipe)), first, second


def write_model(folder, build, recipe, *, given=None, **changes):
    """A base model's records, as pretraining on `build` leaves them."""
    folder.mkdir(parents=True)
    values = {
        "role": "base",
        "recipe": recipe.name,
        "recipe_digest": recipe.digest(),
        "parent_model": None,
        "corpus_digest": build and digest(build.shards),
        "mlflow_run_id": "",
    }
    record = ModelRecord(**values | changes)
    (folder / "mathmill.json").write_text(json.dumps({name: getattr(record, name) for name in record.__slots__}))
    job = dict.fromkeys(("stage", "recipe", "recipe_digest", "mlflow_run_id", "mlflow_experiment_id", "finished"), "")
    job |= {"arguments": {"input": str(given)}, "figures": {}, "seconds": 0.0}
    (folder / "job.json").write_text(json.dumps(job))
    return folder


def source_of(root):
    return FileSource(kind="file", path=str(root / "sets" / "gsm8k" / "test.jsonl"), layout="gsm8k")


def test_decontamination_lists_every_item(world):
    _, _, first, _ = world
    rows = pq.read_table(first.decontaminated / "items.parquet").to_pylist()
    assert [(row["item_id"], row["searched_for"], row["pages"]) for row in rows] == [
        ("0", True, 2),
        ("1", True, 0),
        ("2", True, 0),
        ("3", True, 0),
        ("4", False, 0),
    ]
    assert {row["benchmark"] for row in rows} == {"gsm8k/test.jsonl"}


def test_a_tuned_model_has_the_corpus_of_its_base_model(world, tmp_path):
    _, recipe, first, _ = world
    base = write_model(tmp_path / "base", first, recipe, given=first.root)
    rl = write_model(tmp_path / "rl", None, recipe, role="rl", parent_model=str(base))
    corpus = learned_corpus(rl, recipe)
    assert isinstance(corpus, LearnedCorpus)
    assert (corpus.build, corpus.reservations) == (first.root, ())
    assert corpus.items["gsm8k/test.jsonl"]["0"] == FoundItem(searched_for=True, pages=2)


def test_a_refreshed_corpus_tells_of_its_earlier_builds_too(world, tmp_path):
    _, recipe, first, second = world
    base = write_model(tmp_path / "base", second, recipe, given=second.root)
    corpus = learned_corpus(base, recipe)
    items = corpus.items["gsm8k/test.jsonl"]
    assert {name: item.pages for name, item in items.items()} == {"0": 2, "1": 1, "2": 0, "3": 0, "4": 0}
    hidden = first.decontaminated / "items.parquet"
    hidden.rename(hidden.with_suffix(".hidden"))
    try:
        corpus = learned_corpus(base, recipe)
    finally:
        hidden.with_suffix(".hidden").rename(hidden)
    assert {name: item.pages for name, item in corpus.items["gsm8k/test.jsonl"].items() if item.pages} == {"1": 1}
    assert corpus.reservations == (
        f"what was found in earlier builds is not known: {first.decontaminated} is gone or has no items.parquet",
    )


def test_a_build_in_the_home_is_known_by_its_shards(world, tmp_path):
    _, recipe, first, second = world
    folder = home.outputs("tiny", "corpus")
    folder.mkdir(parents=True)
    (folder / "0").symlink_to(second.root)
    (folder / "1").symlink_to(first.root)
    base = write_model(tmp_path / "base", first, recipe)
    assert learned_corpus(base, recipe).build == folder / "1"


def test_questions_are_set_against_what_was_found(world, tmp_path):
    root, recipe, first, _ = world
    corpus = learned_corpus(write_model(tmp_path / "base", first, recipe, given=first.root), recipe)
    source = source_of(root)
    questions = load_questions(source)
    right = dict(zip((one.id for one in questions), [1.0, 0.5, 0.0, 1.0, 1.0], strict=True))
    task = task_contamination(corpus, "base", "gsm8k", source=source, questions=questions, right=right)
    assert list(task.states.values()) == ["found", "not_found", "not_found", "not_found", "not_searched"]
    assert (task.benchmark, task.items, task.items_searched_for, task.items_found) == ("gsm8k/test.jsonl", 5, 4, 1)
    assert task.pages == {questions[0].id: 2}
    assert task.parts["found"].accuracy == Proportion.of(1.0, 1)
    assert task.parts["not_found"].accuracy == Proportion.of(0.5, 3)
    assert (task.parts["unknown"].questions, task.parts["unknown"].accuracy) == (0, None)

    write_contamination(tmp_path, [task])
    (row,) = json.loads((tmp_path / "contamination.json").read_text())
    assert row["parts"]["found"] == {
        "questions": 1,
        "accuracy": {"share": 1.0, "low": pytest.approx(0.2065, abs=1e-4), "high": 1.0},
    }
    assert row["states"] == task.states
    table = contamination_table([task])
    assert table["questions"] == ["found", "not_found", "not_searched"]
    assert (table["n"], table["accuracy"]) == ([1, 3, 1], [1.0, 0.5, 1.0])


def test_a_source_that_was_no_benchmark_is_unknown(world, tmp_path):
    _, recipe, first, _ = world
    corpus = learned_corpus(write_model(tmp_path / "base", first, recipe, given=first.root), recipe)
    (tmp_path / "other.jsonl").write_text(json.dumps({"question": "2+2?", "answer": "4"}))
    source = FileSource(kind="file", path=str(tmp_path / "other.jsonl"))
    questions = load_questions(source)
    task = task_contamination(corpus, "base", "other", source=source, questions=questions, right={questions[0].id: 1.0})
    assert set(task.states.values()) == {"unknown"}
    assert task.reason == f"{tmp_path.name}/other.jsonl was not among the benchmarks of {first.root}"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"corpus_digest": "0" * 64}, r"the corpus that .*/base learned from is gone, or has changed"),
        ({"corpus_digest": None}, r"/base/mathmill.json names no corpus"),
        (
            {"role": "instruct", "parent_model": "org/other"},
            "/base was made from org/other, of which there is no",
        ),
    ],
)
def test_what_cannot_be_told_has_its_reason(changes, reason, world, tmp_path):
    root, recipe, first, _ = world
    corpus = learned_corpus(write_model(tmp_path / "base", first, recipe, given=first.root, **changes), recipe)
    assert isinstance(corpus, UnknownCorpus)
    source = source_of(root)
    questions = load_questions(source)
    right = {one.id: 1.0 for one in questions}
    task = task_contamination(corpus, "base", "gsm8k", source=source, questions=questions, right=right)
    assert set(task.states.values()) == {"unknown"}
    assert task.parts["unknown"].questions == 5
    assert (task.corpus, task.items) == (None, 0)
    assert re.search(reason, task.reason)


def test_a_model_made_elsewhere_is_unknown(tmp_path, world):
    assert learned_corpus(tmp_path, world[1]) == UnknownCorpus(
        f"{tmp_path} was made elsewhere: it has no mathmill.json"
    )


@pytest.mark.parametrize(
    ("overrides", "changes", "said"),
    [
        ([], {"parent_model": "org/coder"}, "the base model began as org/coder, and what that had learned from"),
        ([], {"recipe_digest": "1" * 64}, "the base model was made with another recipe"),
        (
            ["pretrain.mixture=[{name: corpus, weight: 0.5}, {name: arxiv, weight: 0.5, path: x}]"],
            {},
            "the base model also learned from arxiv, in which no benchmark was searched for",
        ),
    ],
)
def test_what_else_it_may_have_learned_from_is_said(overrides, changes, said, world, tmp_path):
    root, _, first, _ = world
    recipe = load_recipe(str(root / "tiny.yaml"), overrides)
    base = write_model(tmp_path / "base", first, recipe, given=first.root, **changes)
    (reservation,) = learned_corpus(base, recipe).reservations
    assert reservation.startswith(said)


@pytest.mark.shared
@pytest.mark.slow
def test_every_labelled_item_of_real_pages_is_found(shared_data, tmp_path, empty_tracking_database):
    recipe, build = tmp_path / "tiny.yaml", Build(tmp_path / "build")
    recipe.write_text(RECIPE)
    pages = str(shared_data / "contamination" / "probe_dev.warc.gz")
    sets = [shared_data / "benchmarks" / name for name in ("gsm8k", "math", "cmath", "agieval")]
    ingest = ["corpus", "ingest", "--recipe", str(recipe), "--input", pages, "--out", str(build.ingested)]
    stages = [ingest, *build_stages(build, recipe, build.ingested / "pages", sets)]
    run_stages(stages, own_home(tmp_path / "own", empty_tracking_database))

    loaded = load_recipe(str(recipe))
    corpus = learned_corpus(write_model(tmp_path / "base", build, loaded, given=build.root), loaded)
    with (shared_data / "labels" / "probe_dev.tsv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["expected"] == "contaminated"]
    labelled = {tuple(row["benchmark_item"].split("#")[0].rsplit("/", 1)) for row in rows}
    assert len(labelled) > 90
    for (benchmark, layout), name in PROBED.items():
        source = FileSource(kind="file", path=str(shared_data / "benchmarks" / name), layout=layout)
        questions = load_questions(source)
        right = {one.id: 1.0 for one in questions}
        task = task_contamination(corpus, "base", benchmark, source=source, questions=questions, right=right)
        # Labels count from 0, as MATH's own ids do; ours count lines from 1.
        first = 0 if layout == "math" else 1
        found = {int(id_.split("/")[-1]) - first for id_, state in task.states.items() if state == "found"}
        assert {int(number) for place, number in labelled if place == benchmark} <= found, benchmark
        assert len(found) < len(questions) / 20


def test_no_spark_is_imported():
    text = "import mathmill.evaluation.contamination, sys; assert 'pyspark' not in sys.modules"
    subprocess.run([sys.executable, "-c", text], check=True, cwd=CHECKOUT)
