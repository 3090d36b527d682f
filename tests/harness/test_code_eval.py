"""The stand-in for `code_eval`: what it counts as passed, and what the programs cannot do."""

from types import SimpleNamespace

import evaluate
import pytest
from lm_eval.tasks.cruxeval import utils as cruxeval

from mathmill.errors import UserError
from mathmill.harness.code_eval import CodeEval, check_confined, confined_code_eval
from mathmill.recipe_sandbox import SandboxRecipe

pytestmark = pytest.mark.usefixtures("bubblewrap")

LIMITS = SandboxRecipe(workers=1, wall_seconds=5.0, cpu_seconds=1)


@pytest.fixture(scope="module")
def code_eval():
    with confined_code_eval(LIMITS):
        yield evaluate.load("code_eval")


def test_share_of_problems_whose_tests_pass(code_eval):
    programs = [
        ["def add(a, b): return a + b", "def add(a, b): return a - b", "def add(a, b): return b + a"],
        ["def twice(a): return a", "def twice(a): return", "twice = 3"],
    ]
    tests = ["assert add(2, 3) == 5", "assert twice(2) == 4"]
    shares, told = code_eval.compute(references=tests, predictions=programs, k=[1, 2, 10])
    # pass@1 is (2/3 + 0) / 2; of any two programs for the first problem one is right.
    assert shares == {"pass@1": pytest.approx(1 / 3), "pass@2": pytest.approx(0.5)}
    assert [verdict["passed"] for _, verdict in told[0]] == [True, False, True]
    assert told[0][1][1]["result"] == "failed: AssertionError"


def test_what_never_reaches_the_tests_has_not_passed(code_eval):
    programs = [
        "import sys; sys.exit(0)",
        "import os; os._exit(0)",
        "while True: pass",
        "def broken(:",
        "raise OSError",
    ]
    shares, told = code_eval.compute(references=["assert False"] * 5, predictions=[[one] for one in programs], k=[1])
    assert shares == {"pass@1": 0}
    assert told[2][0][1]["result"] == "timed out"


def test_programs_reach_no_file_of_the_machine(code_eval, tmp_path):
    secret, trace = tmp_path / "secret", tmp_path / "trace"
    secret.write_text("gold")
    programs = [
        f"assert open({str(secret)!r}).read() == 'gold'",
        f"open({str(trace)!r}, 'w').write('was here')",
        "import subprocess; subprocess.run(['true'], check=True)",
        "import socket; socket.create_connection(('127.0.0.1', 22), 1)",
    ]
    shares, _ = code_eval.compute(references=["pass"] * 4, predictions=[[one] for one in programs], k=[1])
    assert shares == {"pass@1": 0}
    assert not trace.exists()
    assert code_eval.compute(references=["pass"], predictions=[["pass"]], k=[1])[0] == {"pass@1": 1}


def test_other_metrics_are_the_library_s_own(monkeypatch):
    monkeypatch.setattr(evaluate, "load", lambda path: path)
    before = evaluate.load
    with confined_code_eval(LIMITS):
        assert evaluate.load("bleu") == "bleu"
        assert isinstance(evaluate.load("evaluate-metric/code_eval"), CodeEval)
    assert evaluate.load is before


def test_tasks_that_run_programs_by_other_means_are_refused():
    config = SimpleNamespace(metric_list=[{"metric": cruxeval.pass_at_k}])
    check_confined({"safe": SimpleNamespace(config=config)})
    with pytest.raises(UserError, match="task 'cruxeval' runs programs that the model wrote by means of its own"):
        check_confined({"cruxeval": SimpleNamespace(UNSAFE_CODE=True, config=config)})
