"""Completions judged as the published evaluation judges them, its known bugs included, and nothing of them run."""

import re

import pytest

from mathmill.grading.grader import Grader
from mathmill.grading.paper.grading import grade_as_published
from mathmill.grading.paper.parsing import UnreadableError, calculate, read_expression, read_notation
from mathmill.grading.paper.rules import PAPER_RULES
from mathmill.home import CHECKOUT
from mathmill.questions import load_questions
from mathmill.questions.question import Question
from mathmill.recipe_questions import FileSource


def asked(answer, question="?", solution=None):
    return Question(id="1", question=question, answer=answer, solution=solution, source="test", language="en")


@pytest.fixture(scope="module")
def grader():
    with Grader() as grader:
        yield grader


RIGHT = [
    ("gsm8k", True, "cot", "The answer is 18.", "18"),
    ("gsm8k", False, "cot", "So \\boxed{18}.", "18"),
    ("gsm8k", False, "cot", "She has 3 and then 18", "18"),
    ("gsm8k", False, "pot", "```python\nprint(18.0)\n```\n```output\n18.0\n```\n\\boxed{18.0}", "18"),
    ("gsm8k", False, "program", "```output\n17\n```\n```output\n18\n```\nThe answer is \\boxed{17}.", "18"),
    ("math", True, "cot", "The final answer is $\\frac12$. I hope it is correct.\n\nProblem: 7", "\\frac{1}{2}"),
    ("math", False, "tool", "```output\n3\n```\nSo $\\boxed{\\sqrt{9}}$.", "3"),
    ("sat", True, "cot", "The final answer is (C).", "C"),
    ("sat", False, "cot", "\\boxed{C}", "C"),
    ("mmlu", True, "cot", "The final answer is (c).", "C"),
    ("ocw", True, "cot", "The final answer is 3 \\times 10^{8} m/s. I hope it is correct.", "3e8"),
    ("cmath", True, "cot", "一共18包。答案是\uff1a18包。\n\n问题\uff1a5加6", "18"),
    ("mgsm_zh", False, "cot", "所以 $\\boxed{18}$。", "18"),
    ("gaokao_mathcloze", True, "cot", "答案是 $3,\\frac{1}{2}$\n", "3;0.5"),
    ("gaokao_mathqa", True, "cot", "答案是 (B)", "B"),
]


@pytest.mark.parametrize(("rules", "few_shot", "form", "completion", "gold"), RIGHT)
def test_each_task_has_its_rules(grader, rules, few_shot, form, completion, gold):
    verdicts = grade_as_published(
        grader, [completion, ""], [asked(gold)] * 2, PAPER_RULES[rules], form=form, few_shot=few_shot
    )
    assert [verdict.outcome for verdict in verdicts] == ["right", "missing"]


def test_a_program_without_a_value_has_no_answer(grader):
    failed = "\\boxed{18}\n```python\n1/0\n```\n```output\nRuntime errors: ZeroDivisionError\n```\n"
    (verdict,) = grade_as_published(grader, [failed], [asked("18")], PAPER_RULES["gsm8k"], form="pot", few_shot=False)
    assert verdict.outcome == "missing"


def test_gold_answers_are_read_as_published():
    roots = asked("1,2", "Give the roots, separated by commas.", "First \\boxed{1,2}")
    assert PAPER_RULES["math"].golds(roots) == ("1", "2")
    assert PAPER_RULES["math"].golds(asked("1,2", solution="It is 1 or 2.")) == ("1,2",)
    assert PAPER_RULES["gsm8k"].golds(asked("1,000")) == ("1000",)
    assert PAPER_RULES["gaokao_mathcloze"].golds(asked("\\frac12; $x$")) == ("\\frac{1}{2}", "x")


BUGS = {
    # name in docs/graders.md: rules, few-shot, completion, gold answer, published verdict
    "thousands": ("gsm8k", True, "The answer is 1,000.", "1000", False),
    "last number": ("gsm8k", True, "The answer is 18, in 2 steps.", "18", False),
    "percent": ("math", False, "\\boxed{50}", "0.5", True),
    "near": ("math", False, "\\boxed{0.0125}", "0.0120", True),
    "letters": ("math", False, "\\boxed{\\text{evil}}", "\\text{live}", True),
    "brackets": ("math", False, "\\boxed{[1,2)}", "(1,2]", True),
    "ends": ("math", False, "\\boxed{(1,2)x}", "(1,2)y", True),
    "name": ("math", False, "\\boxed{k=50}", "0.5", True),
    "several": ("math", False, "\\boxed{50}", "0.5 \\text{ and } 50", True),
    "last boxes": ("math", False, "\\boxed{7}, no, \\boxed{8}", "8", True),
    "digits": ("math", False, "\\boxed{12}", "1,2", True),
    "product": ("math", False, "\\boxed{2\\cdot3}", "6", False),
    "text": ("math", False, "\\boxed{5\\text{ or }\\frac{1}{2}}", "5", True),
    "unit": ("math", False, "\\boxed{\\frac{m}{2}}", "\\frac{m}{3}", False),
    "pi": ("math", False, "\\boxed{\\pi}", "3.14159", False),
    "mixed": ("math", False, "\\boxed{3\\frac{1}{2}}", "3.5", False),
    "sets": ("math", False, "\\boxed{\\{1,2\\}}", "\\{2,1\\}", False),
    "box without braces": ("math", False, "So 5, that is \\boxed 5", "5", False),
    "box before percent": ("math", False, "\\boxed{50}%", "50\\%", False),
    "any letter": ("sat", True, "The final answer is about 5", "A", True),
    "first named last": ("gaokao_mathqa", True, "答案是 B,不是 A", "B", False),
    "negative": ("ocw", True, "The final answer is -1.6. I hope it is correct.", "-1.6", False),
    "zero": ("ocw", True, "The final answer is 0. I hope it is correct.", "0", False),
    "tolerance": ("ocw", True, "The final answer is 1.601. I hope it is correct.", "1.6", False),
    "power": ("ocw", True, "The final answer is 10^5. I hope it is correct.", "100000", False),
    "early return": ("ocw", True, "The final answer is 1+x. I hope it is correct.", "x+1", False),
    "words": ("ocw", True, "The final answer is raft. I hope it is correct.", "ra", True),
    "equations": ("ocw", True, "The final answer is 2y=4x. I hope it is correct.", "y=2x", False),
}


def test_every_box_of_the_gold_solution_is_wanted(grader):
    question = asked("2.5", solution="It is $\\boxed{2\\frac12}$, or $\\boxed{2.5}$.")
    verdicts = grade_as_published(
        grader,
        ["\\boxed{2.5}", "\\boxed{2\\frac12}, \\boxed{2.5}"],
        [question] * 2,
        PAPER_RULES["math"],
        few_shot=False,
    )
    assert [verdict.right for verdict in verdicts] == [False, True]


@pytest.mark.parametrize("bug", BUGS)
def test_known_bugs_are_kept(grader, bug):
    rules, few_shot, completion, gold, right = BUGS[bug]
    (verdict,) = grade_as_published(grader, [completion], [asked(gold)], PAPER_RULES[rules], few_shot=few_shot)
    assert verdict.right is right


def test_the_documentation_lists_each_known_bug_with_its_example():
    page = (CHECKOUT / "docs" / "graders.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (\w[\w ]*) \| (.*) \|$", page, re.MULTILINE))
    assert set(BUGS) <= set(rows)
    for bug, (_, _, completion, gold, right) in BUGS.items():
        assert f"`{completion}`" in rows[bug], bug
        assert f"`{gold}`" in rows[bug], bug
        assert rows[bug].endswith(f"| {'right' if right else 'wrong'}"), bug


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('touch {mark}')",
        "open('{mark}', 'w')",
        "(lambda: open('{mark}', 'w'))()",
        "sin(\"open('{mark}', 'w')\")",
        "Symbol.__class__.__mro__",
        "[open('{mark}', 'w') for i in [1]]",
        "sympify(\"open('{mark}', 'w')\")",
    ],
)
def test_model_text_is_not_run(tmp_path, text):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    code = text.format(mark=scratch / "mark")
    with pytest.raises(Exception):  # noqa: B017, PT011 -- tokenization, parsing and arithmetic raise what they like
        read_notation(code)
    with pytest.raises(UnreadableError):
        calculate(code, {})
    read_expression(code)
    assert list(scratch.iterdir()) == []


def test_arithmetic_is_calculated():
    assert calculate(" 2 * (3 + 4) ** 2 % 5 - -1", {}) == 4
    assert calculate("10^5", {}) == 15
    assert str(read_notation("2**x + sqrt(8) + 0.5")) == "2**x + 0.5 + 2*sqrt(2)"
    assert str(read_notation("x^2 + 0.5", rational=True)) == "x**2 + 1/2"


@pytest.mark.shared
def test_gold_answers_of_math_are_right_against_themselves(shared_data, grader):
    path = shared_data / "benchmarks" / "math" / "math500.jsonl"
    questions = load_questions(FileSource(kind="file", path=str(path), layout="math"))
    boxed = [f"\\boxed{{{question.answer}}}" for question in questions]
    verdicts = grade_as_published(grader, boxed, questions, PAPER_RULES["math"], few_shot=False)
    misses = [question for question, verdict in zip(questions, verdicts, strict=True) if not verdict.right]
    # Its solution boxes a mixed number as well, and the published rules want both.
    assert [question.answer for question in misses] == ["\\frac{639}{40}"]
