"""Batches change no outcome, only the guilty answer is lost, and no process is left over."""

import os
import subprocess
import sys
import time

import psutil
import pytest

from mathmill.grading.grader import Grader

TOWER = "9^{9^{9^{9^{9}}}}"


def test_one_hopeless_answer_costs_no_other_of_its_batch():
    """A worker has many answers in hand when it is killed for one of them."""
    answers = [f"\\frac{{{number}}}{{7}}" for number in range(200)]
    golds = [f"\\frac{{{number * 3}}}{{21}}" for number in range(200)]
    expected = ["right"] * 200
    for place in (0, 77, 78, 199):
        answers[place] = TOWER + f"^{place}"
        expected[place] = "timed_out"
    golds[30] = "\\frac{1}{21}"
    expected[30] = "wrong"
    with Grader(processes=2, timeout=3.0) as grader:
        verdicts = grader.grade([f"\\boxed{{{answer}}}" for answer in answers], golds)
    assert [verdict.outcome for verdict in verdicts] == expected


def test_a_worker_that_died_at_rest_is_replaced():
    """As when the machine runs out of memory."""
    with Grader(processes=1, timeout=60.0) as grader:
        grader.grade(["\\boxed{0.5}"], ["\\frac12"])
        (comparing,) = [one for one in psutil.Process().children() if "mathmill.grading.process" in one.cmdline()]
        (worker,) = comparing.children()
        worker.kill()
        while worker.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
        assert [one.outcome for one in grader.grade(["\\boxed{0.5}"] * 2, ["\\frac24", "\\frac36"])] == ["right"] * 2


@pytest.fixture
def end(tmp_path):
    """Run a caller to its end; the processes that it wrote down."""

    def run(program):
        with (tmp_path / "processes").open("w+") as file:  # a pipe would be read until the last of them ends
            subprocess.run([sys.executable, "-c", program], stdout=file, stderr=subprocess.DEVNULL, check=False)
            file.seek(0)
            return [int(word) for word in file.read().split()]

    return run


def are_gone(processes):
    deadline = time.monotonic() + 30
    while any(map(psutil.pid_exists, processes)):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


GRADE = """
import os, signal, sys, time
from mathmill.grading.grader import Grader
grader = Grader(timeout=60)
grader.grade(['\\\\boxed{0.5}'], ['1/2'])
import psutil
print(*[p.pid for p in psutil.Process().children(recursive=True)], flush=True)
"""
KILL = "os.kill(os.getpid(), signal.SIGKILL)\n"


def test_no_process_outlives_its_caller(end):
    processes = end(GRADE + KILL)
    assert len(processes) == 2
    assert are_gone(processes)


def test_no_process_outlives_a_caller_that_dies_while_it_starts(end):
    start = "import os, signal\nfrom mathmill.grading.grader import Grader\ngrader = Grader()\ngrader._start()\n"
    processes = end(start + "print(grader._process.pid, flush=True)\n" + KILL)
    assert len(processes) == 1
    assert are_gone(processes)


def test_no_process_outlives_a_caller_whose_fork_holds_the_socket(end):
    fork = "child = os.fork()\nif child == 0:\n    os.close(1)\n    time.sleep(300)\nprint(child, flush=True)\n"
    *processes, fork = end(GRADE + fork + KILL)
    try:
        assert len(processes) == 2
        assert are_gone(processes)
        assert psutil.pid_exists(fork)
    finally:
        os.kill(fork, 9)


def test_no_worker_outlives_a_process_that_dies_while_it_starts(end):
    """The worker asks for its parent's death only after it has died."""
    start = """
import os, signal, time
from mathmill import parent_death
from mathmill.grading import process as grading_process
real = parent_death.CDLL
parent_death.CDLL = lambda name: time.sleep(1) or real(name)
print(grading_process._start().process.pid, flush=True)
"""
    processes = end(start + KILL)
    assert len(processes) == 1
    assert are_gone(processes)


@pytest.mark.parametrize("signal", [2, 15])
def test_a_caller_that_is_asked_to_end_leaves_nothing(end, signal):
    processes = end(GRADE + f"os.kill(os.getpid(), {signal})\ntime.sleep(60)\n")
    assert len(processes) == 2
    assert are_gone(processes)
