"""Programs of thought, run in the real sandbox and graded by what they print."""

import json
from contextlib import ExitStack

import pyarrow.parquet as pq
import pytest
import yaml

from mathmill.evaluation import evaluate
from mathmill.evaluation.prompting import Programs, program_of
from mathmill.grading.grader import grade
from mathmill.recipe import Recipe
from mathmill.rollout.engine import Completion

pytestmark = pytest.mark.usefixtures("bubblewrap")

PRINTED = "We add.\n```python\nx = 40\nprint('sum')\nprint(x + 2)\n```\n"
RETURNED = "```python\nfrom sympy import Rational\ndef solution():\n    return Rational(1, 2) + Rational(1, 4)\n```\n"
BARE = "print(6 * 7)"
RAISING = "```python\nprint(1 / 0)\n```\n"
SILENT = "```python\nx = 42\n```\n"
TWO = "```python\nprint(1)\n```\nNo.\n```python\nprint(42)\n```\n"


def test_the_output_of_a_program_is_its_answer():
    texts = [PRINTED, RETURNED, BARE, RAISING, SILENT, TWO]
    with ExitStack() as stack:
        programs = Programs.of("pot", Recipe(name="t"), stack)
        finished = programs.finished([Completion([1], [-1.0], "stop", text) for text in texts])
    verdicts = grade([one.text for one in finished], ["42", "3/4", "42", "42", "42", "42"])
    assert [verdict.outcome for verdict in verdicts] == ["right", "right", "right", "missing", "missing", "right"]
    assert finished[0].text == f"{PRINTED}```output\nsum\n42\n```\n\\boxed{{42}}"
    assert "ZeroDivisionError" in finished[3].text


def test_the_last_fenced_program_counts():
    assert program_of(TWO) == "print(42)\n"
    assert program_of(BARE) == BARE


def test_chains_of_thought_start_no_sandbox():
    with ExitStack() as stack:
        programs = Programs.of("cot", Recipe(name="t"), stack)
        completion = Completion([1], [-1.0], "stop", PRINTED)
        assert programs.sandbox is None
        assert programs.finished([completion]) == [completion]


@pytest.mark.parametrize(("form", "asked"), [("pot", "write a Python program"), ("tool", "integrate natural language")])
def test_questions_are_asked_for_programs(form, asked, make_model, tmp_path):
    rows = [{"id": str(n), "question": f"What is {n} + 1?", "answer": str(n + 1)} for n in range(2)]
    (tmp_path / "questions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    task = {"kind": "file", "path": str(tmp_path / "questions.jsonl")}
    evaluation = {"tasks": {"sums": task}, "sampling": {"temperature": 0.0, "max_new_tokens": 4}}
    recipe = {"name": "tiny", "launch": {"processes": 1, "threads": 1}, "evaluation": evaluation}
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(recipe))
    out = tmp_path / "out"
    model = make_model("instruct")
    arguments = ["--recipe", str(tmp_path / "tiny.yaml"), "--model", str(model), "--prompting", form, "--out", str(out)]
    assert evaluate.main(arguments) == 0
    items = pq.read_table(out / "items.parquet").to_pylist()
    assert len(items) == 2
    assert all(asked in item["prompt"] for item in items)
    assert all(("```output" in item["completion"]) == (form == "pot") for item in items)
