"""The texts of benchmarks are found in their publishers' layouts, and nothing is left out unsaid."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mathmill.errors import UserError
from mathmill.questions.benchmarks import BenchmarkItem, published_items, source_items
from mathmill.recipe_questions import FileSource, HuggingFaceSource, ReasoningGymSource

ROWS: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({"question": "Eggs?", "answer": "18"}, ("Eggs?",)),
    (
        {"question": "Eggs?", "answer": "9 * 2 = <<9*2=18>>18\n#### 18"},
        ("Eggs?", "9 * 2 = <<9*2=18>>18\n#### 18", "9 * 2 = 18\n#### 18"),
    ),
    ({"problem": "Half?", "level": "Level 3", "solution": "It is $\\boxed{1}$."}, ("Half?", "It is $\\boxed{1}$.")),
    ({"grade": 1, "input": "一共有多少?", "golden": "18"}, ("一共有多少?",)),
    (
        {
            "passage": "Read.",
            "question": "Which?",
            "options": ["(A)1", "(B)2"],
            "label": "B",
            "other": {"solution": "B is right"},
        },
        ("Read.\nWhich?", "Read.\nWhich?\n(A)1\n(B)2", "B is right"),
    ),
    ({"question": "Which?", "options": "A) 1 B) 2", "Answer": "A"}, ("Which?", "Which?\nA) 1 B) 2")),
    ({"question": "Which?", "choices": ["0", "4"], "answer": 1}, ("Which?", "Which?\n0\n4", "Which?\n(A) 0\n(B) 4")),
    ({"Question": "Which?", "A": "0", "B": "4", "Answer": "B"}, ("Which?", "Which?\n0\n4", "Which?\n(A) 0\n(B) 4")),
    (
        {"question": "Which?", "choices": {"text": ["0", "4"], "label": ["A", "B"]}, "answerKey": "B"},
        ("Which?", "Which?\n0\n4", "Which?\n(A) 0\n(B) 4"),
    ),
    (
        {"Problem": "log?", "Rationale": "since", "options": "a ) 12 , b ) 16", "correct": "a"},
        ("log?", "log?\na ) 12 , b ) 16", "since"),
    ),
    ({"Body": "There are 6 pens", "Question": "How many?", "Answer": 6.0}, ("There are 6 pens\nHow many?",)),
    ({"input": "How many?", "target": 0.5}, ("How many?",)),
    (
        {"messages": [{"role": "user", "content": "几个?"}, {"role": "assistant", "content": ""}], "answer": "4"},
        ("几个?",),
    ),
    (
        {
            "informal_statement": "Show it.",
            "informal_proof": "Clear.",
            "formal_statement": "theorem a: b",
            "header": "import",
        },
        ("Show it.", "Clear.", "theorem a: b"),
    ),
    (
        {"context": None, "question": "Prove.", "solution": ["One.", "Two."], "final_answer": ["2"]},
        ("Prove.", "One.\nTwo."),
    ),
    ({"question": "New?", "original_question": "Old?", "answer": "1"}, ("New?", "Old?")),
]


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    folder = tmp_path / "sets"
    folder.mkdir()
    return folder


def _write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize(("row", "texts"), ROWS)
def test_texts_of_a_layout(row: dict[str, Any], texts: tuple[str, ...], tmp_path: Path) -> None:
    path = _write(tmp_path / "some" / "test.jsonl", [row])
    items, left_out = published_items([str(path)])
    assert items == [BenchmarkItem("some/test.jsonl", "0", texts)]
    assert left_out == []


def test_a_long_answer_is_a_worked_solution(tmp_path: Path) -> None:
    answer = "One sells six and the other sells seven, thirteen in all."
    path = _write(tmp_path / "a.jsonl", [{"question": "Eggs?", "answer": answer}])
    assert published_items([str(path)])[0][0].texts == ("Eggs?", answer)


@pytest.mark.parametrize(
    ("stems", "by_itself"),
    [
        (["Which is true?", "Which is false?"], True),
        (["Which is true?", "Which is true?"], False),
        (["The mean is", "The median is:"], False),
        ([r"If $x=1$, then $y=(\quad)$\\\\" + "\n", "$x =$ ____."], True),
    ],
)
def test_a_question_is_a_text_without_its_choices_if_it_tells_of_the_item(
    stems: list[str], by_itself: bool, tmp_path: Path
) -> None:
    rows = [{"question": stem, "options": [f"(A){n}", "(B)no"], "answer": "A"} for n, stem in enumerate(stems)]
    items, _ = published_items([str(_write(tmp_path / "a.jsonl", rows))])
    assert [stem in item.texts for stem, item in zip(stems, items, strict=True)] == [by_itself] * 2
    assert [item.texts[-1] for item in items] == [f"{stem}\n(A){n}\n(B)no" for n, stem in enumerate(stems)]


def test_formats(sets: Path) -> None:
    row = {"id": "q1", "question": "How many?", "answer": "4"}
    _write(sets / "a.jsonl", [row])
    (sets / "b.json").write_text(json.dumps([row]), encoding="utf-8")
    (sets / "c.json").write_text(json.dumps({"version": 1, "data": [row]}), encoding="utf-8")
    pq.write_table(pa.Table.from_pylist([row]), sets / "d.parquet")
    (sets / "e.csv").write_text('id,question,answer\nq1,"How many?",4\n', encoding="utf-8")
    (sets / "f.tsv").write_text("id\tquestion\tanswer\nq1\tHow many?\t4\n", encoding="utf-8")
    xml = '<Set><P ID="q1"><Body>Six.</Body><Question>How many?</Question><Answer>4</Answer></P></Set>'
    (sets / "g.xml").write_text(xml, encoding="utf-8")
    (sets / "h.csv").write_text("How many?,1,4,B\nWhy?,so,thus,A\n", encoding="utf-8")
    items, left_out = published_items([str(sets)])
    assert left_out == []
    assert {(item.benchmark.rpartition("/")[2], item.id, item.texts[0]) for item in items} == {
        *((name, "q1", "How many?") for name in ("a.jsonl", "b.json", "c.json", "d.parquet", "e.csv", "f.tsv")),
        ("g.xml", "q1", "Six.\nHow many?"),
        ("h.csv", "0", "How many?"),
        ("h.csv", "1", "Why?"),
    }


def test_a_file_a_problem_is_a_benchmark_a_folder(tmp_path: Path) -> None:
    for number in (1, 2):
        path = tmp_path / "MATH" / "test" / "algebra" / f"{number}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"problem": f"P{number}", "solution": "S"}), encoding="utf-8")
    items, _ = published_items([str(tmp_path / "MATH")])
    assert [(item.benchmark, item.id) for item in items] == [("test/algebra", "1"), ("test/algebra", "2")]


def test_what_is_left_out_is_named(sets: Path) -> None:
    _write(sets / "set" / "test.jsonl", [{"question": "a", "answer": "b"}])
    _write(sets / "set" / "train-00000.jsonl", [{"question": "c", "answer": "d"}])
    _write(sets / "pages.jsonl", [{"url": "u", "text": "t"}])
    (sets / "scores.json").write_text('{"a": {"accuracy": 1}}', encoding="utf-8")
    (sets / "broken.json").write_text("{", encoding="utf-8")
    (sets / "run.py").write_text("", encoding="utf-8")
    for about in ("README.md", "LICENSE", ".gitattributes"):
        (sets / about).write_text("about", encoding="utf-8")
    items, left_out = published_items([str(sets)])
    assert [item.benchmark for item in items] == ["set/test.jsonl"]
    assert {Path(one.file).name: one.reason.split(":")[0] for one in left_out} == {
        "train-00000.jsonl": "a training split",
        "pages.jsonl": "none of its columns is known to hold a question with its answer",
        "scores.json": "none of its columns is known to hold a question with its answer",
        "broken.json": "cannot be read as .json",
        "run.py": "files are read that end in .jsonl, .json, .csv, .tsv, .parquet, .xml",
    }


def test_places_are_folders_files_and_globs(tmp_path: Path) -> None:
    for name in ("a/test.jsonl", "a/train.jsonl", "b/test.jsonl"):
        _write(tmp_path / name, [{"question": name, "answer": "1"}])
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / "c").symlink_to(tmp_path / "b")

    def benchmarks(*places: str) -> list[str]:
        return [item.benchmark for item in published_items([str(tmp_path / place) for place in places])[0]]

    assert benchmarks("a") == ["a/test.jsonl"]
    assert benchmarks("a/train.jsonl") == ["a/train.jsonl"]
    assert benchmarks("*/test.jsonl") == ["a/test.jsonl", "b/test.jsonl"]
    assert benchmarks("a", "a/test.jsonl") == ["a/test.jsonl"]
    assert benchmarks("link") == ["c/test.jsonl"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none", None, "no such file or folder"),
        ("*.jsonl", None, "no such file or folder"),
        ("about.jsonl", '{"url": "u"}\n', "holds no question set"),
        ("bad.jsonl", '{"question": "a", "answer": "b"}\n{"question"\n', "bad.jsonl:2: not valid JSON"),
    ],
)
def test_mistakes_are_one_line(name: str, content: str | None, message: str, tmp_path: Path) -> None:
    if content:
        (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=message) as raised:
        published_items([str(tmp_path / name)])
    assert "\n" not in str(raised.value)


def test_sources_of_a_recipe(tmp_path: Path) -> None:
    rows = [{"problem": one, "solution": f"S {one}"} for one in "ab"]
    path = _write(tmp_path / "own" / "set.jsonl", rows)
    (item,) = source_items(FileSource(kind="file", path=str(path), layout="math", limit=1))
    assert item == BenchmarkItem("own/set.jsonl", "0", ("a", "S a"))
    hub = source_items(HuggingFaceSource(kind="huggingface", id=str(path.parent), split="train", layout="math"))
    assert [one.texts for one in hub] == [("a", "S a"), ("b", "S b")]
    (made,) = source_items(ReasoningGymSource(kind="reasoning_gym", generator="chain_sum", size=1, seed=1))
    assert made.benchmark == "chain_sum"
    assert len(made.texts) == 2
    with pytest.raises(UserError, match="none of the columns url holds a question"):
        source_items(FileSource(kind="file", path=str(_write(tmp_path / "no.jsonl", [{"url": "u"}]))))


COUNTS = {
    "agieval/aqua-rat.jsonl": 254, "agieval/gaokao-mathcloze.jsonl": 118, "agieval/gaokao-mathqa.jsonl": 351,
    "agieval/math.jsonl": 1000, "agieval/sat-math.jsonl": 220, "asdiv/ASDiv.xml": 2305, "asdiv/test.jsonl": 2215,
    "cmath/cmath_dev.jsonl": 600, "cmath/distractor.jsonl": 360, "cmath/test.jsonl": 1098,
    "deepseekmath_files/gsm8k_test.jsonl": 1319, "gsm8k/test.jsonl": 1319, "gsm8k/test_socratic.jsonl": 1319,
    "gsm8k_backward/GSM8K_Backward.jsonl": 1270, "gsm_hard/test.jsonl": 1319, "math/math500.jsonl": 500,
    "math/test.jsonl": 5000, "mathqa/test.jsonl": 1000, "mawps/addsub.jsonl": 395, "mawps/multiarith.jsonl": 600,
    "mawps/singleeq.jsonl": 508, "mawps/singleop.jsonl": 562, "mawps/test.jsonl": 2065, "mgsm_zh/mgsm_zh.jsonl": 250,
    "minif2f/test.jsonl": 244, "minif2f/validation.jsonl": 244, "mmlu_stem/test.jsonl": 3018, "more/aime24.jsonl": 30,
    "more/amc23.jsonl": 40, "more/cn_middle_school.jsonl": 101, "more/college_math.jsonl": 2818,
    "more/gaokao2023en.jsonl": 385, "more/gaokao2024_mix.jsonl": 91, "more/minerva_math.jsonl": 272,
    "more/olympiadbench.jsonl": 675, "ocw/test.jsonl": 272, "sat/test.jsonl": 32, "svamp/SVAMP.json": 1000,
    "svamp/test.jsonl": 1000,
}  # fmt: skip
"""The records that the data's own README counts, and the `<Problem>` elements of ASDiv.xml."""


@pytest.mark.shared
def test_every_published_file_is_read_whole(shared_data: Path) -> None:
    items, left_out = published_items([str(shared_data / "benchmarks")])
    counts: dict[str, int] = {}
    for item in items:
        counts[item.benchmark] = counts.get(item.benchmark, 0) + 1
    examples = {name: count for name, count in counts.items() if name.startswith("mmlu_stem/dev/")}
    assert set(examples.values()) == {5}
    assert len(examples) == 18
    assert {name: count for name, count in counts.items() if name not in examples} == COUNTS
    assert {one.file.partition("benchmarks/")[2] for one in left_out} == {
        "gsm8k/train.jsonl",
        "math/train.jsonl",
        "deepseekmath_files/evaluation_results.json",
    }
    training, _ = published_items([str(shared_data / "benchmarks" / "*" / "train.jsonl")])
    assert len(training) == 7473 + 7500
