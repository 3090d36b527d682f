"""Every published gold answer is right against itself, and verdicts on models' answers are those of their publishers.

The functions that read the answers are the benchmark's (`benchmarks/grading.py`), which lists every miss.
"""

import random
import sys
from functools import cache
from pathlib import Path

import pytest

from mathmill.grading.equality import compare_symbolically, compare_texts
from mathmill.grading.grader import Grader

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
from side_by_side import answers

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def grader():
    with Grader(timeout=20) as one:
        yield one


@cache
def golds_in(shared_data):
    return answers.gold_answers(shared_data / "benchmarks")


def test_gold_answers_of_all_files_are_right_against_themselves(shared_data, grader):
    golds = golds_in(shared_data)
    published = {str(path.relative_to(shared_data / "benchmarks")) for path in (shared_data / "benchmarks").rglob("*")}
    rows = {name for name in published if name.endswith((".jsonl", ".csv", ".xml")) or name == "svamp/SVAMP.json"}
    assert rows - set(golds) == {"minif2f/test.jsonl", "minif2f/validation.jsonl"}
    right = [gold for file in golds.values() for gold in file.values() if gold]
    assert len(right) > 50_000
    verdicts = grader.grade([f"So $\\boxed{{{gold}}}$." for gold in right], right)
    assert [verdict for verdict in verdicts if not verdict.right] == []


def test_rows_without_an_answer_are_known(shared_data):
    golds = golds_in(shared_data)
    empty = {name: [place for place, gold in file.items() if not gold] for name, file in golds.items()}
    assert {name: places for name, places in empty.items() if places} == {
        "math/train.jsonl": [":5342", ":5344"],
        "more/gaokao2023en.jsonl": [":168", ":193"],
    }


@pytest.mark.parametrize("name", ["gsm8k/test.jsonl", "math/math500.jsonl", "agieval/gaokao-mathcloze.jsonl"])
def test_gold_answers_are_wrong_against_others(name, shared_data, grader):
    right = list(golds_in(shared_data)[name].values())
    moved = answers.deranged(right, seed=0)
    assert sorted(moved) == sorted(right)
    assert all(answer != gold for answer, gold in zip(moved, right, strict=True))
    hits = [one for one in grader.judge(moved, right) if one.right]
    assert len(hits) <= 0.002 * len(right), hits


@pytest.mark.parametrize(
    ("read", "count", "apart"), [(answers.openai_solutions, 5276, 0), (answers.mathcoder_solutions, 1319, 7)]
)
def test_verdicts_are_those_of_the_publishers(read, count, apart, shared_data, grader):
    judged = list(read(shared_data / "sft"))
    assert len(judged) == count
    verdicts = grader.judge([one.answer for one in judged], [one.gold for one in judged])
    assert sum(one.right != verdict.right for one, verdict in zip(judged, verdicts, strict=True)) == apart


def test_answers_that_are_rewritten_stay_right(shared_data, grader):
    draws = random.Random(0)
    golds = list(golds_in(shared_data)["math/test.jsonl"].values())
    golds = draws.sample(golds, 1000)
    other = [answers.rewritten(gold, draws) for gold in golds]
    assert sum(one != gold for one, gold in zip(other, golds, strict=True)) > 500
    assert [verdict for verdict in grader.judge(other, golds) if not verdict.right] == []


@pytest.mark.parametrize("count", [150, pytest.param(5000, marks=pytest.mark.slow)])
def test_batches_values_and_the_fast_reader_change_no_verdict(count, shared_data, grader):
    """Each pair by itself through math-verify as it is published, and all at once through the grader."""
    from latex2sympy2_extended.latex2sympy2 import latex2sympy
    from math_verify import parser

    from mathmill.grading import latex

    golds = list(golds_in(shared_data)["math/test.jsonl"].values())
    shuffled = random.Random(1).sample(golds, len(golds))
    pairs = [pair for pair in zip(shuffled, golds, strict=True) if compare_texts(*pair) is None][:count]
    batched = [verdict.outcome for verdict in grader.judge([one for one, _ in pairs], [gold for _, gold in pairs])]
    latex.use_fast_reader()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parser, "latex2sympy", latex2sympy)
        patch.setattr(latex, "parse", latex.parse.__wrapped__)
        patch.setattr("mathmill.grading.difference.surely_differ", lambda *_: False)
        assert [compare_symbolically(*pair) for pair in pairs] == batched
