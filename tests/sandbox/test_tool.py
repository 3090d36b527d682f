"""What a solution is shown of its program, by the rules of the paper's evaluation code."""

import pytest

from mathmill.sandbox import RunResult, python_tool
from mathmill.sandbox.tool import shown


def _result(outcome="ok", stdout="", error=""):
    return RunResult(outcome, stdout, error, 0.1)


def test_output_is_stripped():
    assert shown(_result(stdout="\n 42 \n\n")) == "42"


def test_long_output_keeps_its_ends():
    assert shown(_result(stdout="a" * 60 + "b" * 41)) == "a" * 50 + "..." + "a" * 9 + "b" * 41
    assert shown(_result(stdout="a" * 100)) == "a" * 100


def test_no_output_is_a_runtime_error_without_a_reason():
    assert shown(_result()) == "Runtime errors:"


def test_an_error_hides_what_was_printed_before_it():
    error = 'Traceback (most recent call last):\n  File "<program>", line 1, in <module>\nZeroDivisionError: by zero\n'
    assert shown(_result("error", "1\n", error)) == "Runtime errors: ZeroDivisionError: by zero"


def test_frames_are_told_without_line_numbers_and_our_paths():
    error = (
        "Traceback (most recent call last):\n"
        '  File "<program>", line 4, in <module>\n'
        '  File "<program>", line 2, in f\n'
        '  File "/packages/sympy/solvers/solvers.py", line 9, in solve\n'
        "    raise ValueError\n"
        "ValueError\n"
    )
    assert shown(_result("error", error=error)) == (
        'Runtime errors: in f\n  File "site-packages/sympy/solvers/solvers.py", in solve\n'
        "    raise ValueError\nValueError"
    )


def test_a_long_error_keeps_its_first_and_last_fifty_tokens():
    words = [f"w{i}" for i in range(101)]
    text = shown(_result("error", error=" ".join(words)))
    assert text == f"Runtime errors: {' '.join(words[:50])} ... {' '.join(words[-50:])}"
    assert shown(_result("error", error=" ".join(words[:100]))) == f"Runtime errors: {' '.join(words[:100])}"


@pytest.mark.parametrize(
    ("outcome", "error", "text"),
    [
        ("timed_out", "no end after 10 s", "Runtime errors: Timeout Error"),
        ("memory", "more than 5 bytes of memory", "Runtime errors: more than 5 bytes of memory"),
        ("killed", "killed by SIGSEGV", "Runtime errors: killed by SIGSEGV"),
    ],
)
def test_programs_that_were_stopped(outcome, error, text):
    assert shown(_result(outcome, "1", error)) == text


def test_the_tool_runs_programs_in_order(sandbox):
    tool = python_tool(sandbox)
    assert tool(["print(6 * 7)", "1 / 0", "x = 1"]) == [
        "42",
        "Runtime errors: ZeroDivisionError: division by zero",
        "Runtime errors:",
    ]
