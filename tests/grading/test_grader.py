"""Right is right, wrong is wrong, and what cannot be compared is counted and costs no more than its deadline."""

import threading
import time

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathmill.grading.equality import compare_texts, is_right
from mathmill.grading.grader import Grader, count_outcomes, grade

SAME = [
    ("5", "5"),
    ("5.", "5"),
    ("$5$", "5"),
    ("1,000", "1000"),
    ("5.0", "5"),
    ("\\$5", "5"),
    ("0.5", "\\frac{1}{2}"),
    ("\\frac43", "\\dfrac{4}{3}"),
    ("3\\sqrt{2}", "\\sqrt{18}"),
    ("x=5", "5"),
    ("2,-2", "-2,2"),
    ("\\left(1, 2\\right)", "(1,2)"),
    ("120^\\circ", "120"),
    ("\\text{Friday}", "Friday"),
    ("B. $5$", "B"),
    ("(b)", "B"),
    ("9 \\text{ values}", "9"),
    ("A, B, D", "A B D"),
    ("5; 10", "$5$;$10$"),
    ("4.5 \\times 10^{33}", "4.5e33"),
    ("0.0000020107", "2.0107e-06"),
    ("\\frac{9}{2} \\cdot 10^{33}", "4.5e33"),
    ("-\\frac{1}{3}", "-1./3"),
    ("2007 + \\frac{\\pi}{2}", "2007 + \\frac\\pi 2"),
    ("2(x+1)", "2x+2"),
]
DIFFERENT = [
    ("6", "5"),
    ("", "5"),
    ("-5", "5"),
    ("0.5", "50"),
    ("A", "B"),
    ("x^2", "y^2"),
    ("(1,2)", "(2,1)"),
    ("\\text{Friday}", "Monday"),
    ("12", "1,2"),
    ("A, B", "A B D"),
    ("2", "2007 + \\frac\\pi 2"),
    ("1e-8", "2e-8"),
    ("3e5", "3 \\times 10^6"),
    ("1.000001", "1"),
]


@pytest.mark.parametrize(("answer", "gold"), SAME)
def test_same_answers(answer, gold):
    assert is_right(answer, gold)


@pytest.mark.parametrize(("answer", "gold"), DIFFERENT)
def test_different_answers(answer, gold):
    assert not is_right(answer, gold)


@given(st.integers(), st.integers())
def test_whole_numbers_are_settled_by_their_text(one, other):
    assert compare_texts(f"{one:,}", str(other)) is (one == other)


def test_numbers_and_equal_strings_start_no_process():
    process = psutil.Process()
    before = process.children()
    with Grader() as grader:
        verdicts = grader.grade(["\\boxed{12}", "\\boxed{13}", "none", "\\boxed{x^2+1}"], ["12", "12", "12", "x^2 + 1"])
        assert [verdict.outcome for verdict in verdicts] == ["right", "wrong", "missing", "right"]
        assert process.children() == before


def test_hopeless_answers_are_counted_and_the_others_graded():
    towers = ["9^{9^{9^{9^{9}}}}", "10000000000000!"]
    answers = [towers[0], "0.25", "\\frac{2}{8}", towers[1], "&&", "\\frac{1}{3}"]
    with Grader(processes=2, timeout=2.0) as grader:
        grader.grade(["\\boxed{0.5}"], ["\\frac12"])
        started = time.monotonic()
        verdicts = grader.grade([f"\\boxed{{{answer}}}" for answer in answers], ["\\frac{1}{4}"] * len(answers))
        assert time.monotonic() - started < 2.0 * len(towers) + 5
        outcomes = [verdict.outcome for verdict in verdicts]
        assert outcomes == ["timed_out", "right", "right", "timed_out", "unparsable", "wrong"]
        assert count_outcomes(verdicts)["timed_out"] == 2
        assert [verdict.right for verdict in verdicts] == [False, True, True, False, False, False]


def test_grading_works_outside_the_main_thread():
    # math-verify's own time limits fail there, and trainers have given every answer zero for it.
    found = []
    thread = threading.Thread(target=lambda: found.extend(grade(["\\boxed{0.5}"], ["\\frac{1}{2}"])))
    thread.start()
    thread.join()
    assert found[0].right
