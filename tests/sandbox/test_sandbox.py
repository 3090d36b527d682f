"""Programs run as scripts do, in order and within limits."""

import threading

import pytest

from mathmill.recipe_sandbox import SandboxRecipe
from mathmill.sandbox import Sandbox

LIMITS = SandboxRecipe(wall_seconds=6.0, memory_bytes=2**28, output_bytes=1000)


@pytest.fixture(scope="module")
def pool(bubblewrap):
    """Two sandboxes."""
    with Sandbox(LIMITS) as started:
        yield started


def _output(pool, program, **options):
    (result,) = pool.run([program], **options)
    assert result.outcome == "ok", result
    return result.stdout


def test_results_are_in_the_order_of_the_programs(pool):
    programs = [f"import time\ntime.sleep({(7 - i) / 50})\nprint({i})" for i in range(8)]
    assert [result.stdout for result in pool.run(programs)] == [f"{i}\n" for i in range(8)]


def test_no_programs_have_no_results(pool):
    assert pool.run([]) == []


def test_a_program_is_a_script(pool):
    program = "import sys\nif __name__ == '__main__': print(sys.argv, sys.modules['__main__'].__dict__ is globals())"
    assert _output(pool, program) == "['<program>'] True\n"


def test_a_function_may_be_called_and_its_value_printed(pool):
    program = "def solution():\n    apples = 3\n    return apples * 14"
    assert _output(pool, program, call="solution") == "42\n"
    assert _output(pool, program) == ""
    (missing,) = pool.run(["x = 1"], call="solution")
    assert missing.error.endswith("NameError: name 'solution' is not defined\n")


def test_standard_input_is_empty(pool):
    assert _output(pool, "import sys\nprint(repr(sys.stdin.read()))") == "''\n"


def test_text_of_every_language_comes_back(pool):
    assert _output(pool, "print('根号二 √2 \\N{OLD ITALIC LETTER A} \\0')") == "根号二 √2 𐌀 \0\n"
    assert _output(pool, "import os\nos.write(1, b'\\xff')") == "\ufffd"


def test_an_exception_is_told_with_its_traceback(pool):
    (result,) = pool.run(["print(1)\ndef f(x):\n    return 1 / x\nf(0)"])
    assert (result.outcome, result.stdout) == ("error", "1\n")
    assert result.error == (
        "Traceback (most recent call last):\n"
        '  File "<program>", line 4, in <module>\n'
        '  File "<program>", line 3, in f\n'
        "ZeroDivisionError: division by zero\n"
    )


@pytest.mark.parametrize(
    ("program", "error"),
    [
        ("if", "SyntaxError: invalid syntax"),
        ("x = '\ud800'", "UnicodeEncodeError: 'utf-8' codec can't encode character '\\ud800'"),
        ("x = 1\0", "source code string cannot contain null bytes"),
        ("import sys\nsys.exit('no solution')", "no solution"),
        ("import sys\nsys.exit(5)", "exit code 5"),
        ("import os\nos._exit(5)", "exit code 5"),
    ],
)
def test_programs_that_do_not_end_well(pool, program, error):
    (result,) = pool.run([program])
    assert result.outcome == "error"
    assert error in result.error


def test_warnings_are_no_errors(pool):
    (result,) = pool.run(["import warnings\nwarnings.warn('old')\nprint(1)"])
    assert (result.outcome, result.stdout, result.error) == ("ok", "1\n", "")


def test_libraries_are_ready(pool):
    program = (
        "import sys\nready = {'numpy', 'sympy', 'mpmath'} <= set(sys.modules)\n"
        "import numpy as np, sympy as sp\nx = sp.symbols('x')\n"
        "print(ready, sp.solve(x**2 - 2, x), np.arange(4).sum(), np.linalg.det(np.eye(3)))"
    )
    assert _output(pool, program) == "True [-sqrt(2), sqrt(2)] 6 1.0\n"
    assert _output(pool, "from scipy.special import comb\nprint(comb(5, 2, exact=True))") == "10\n"


def test_threads_and_child_processes_may_help(pool):
    program = (
        "import asyncio, threading\nfrom multiprocessing import Pool\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "async def one(): return 1\n"
        "with ThreadPoolExecutor(2) as threads, Pool(2) as processes:\n"
        "    print(sum(threads.map(abs, [-1, -2])), sum(processes.map(abs, [-3, -4])), asyncio.run(one()))\n"
        "threading.Thread(target=print, args=('last',)).start()"
    )
    assert _output(pool, program) == "3 7 1\nlast\n"


def test_a_program_may_use_its_folder(pool):
    program = "import tempfile\nwith tempfile.TemporaryFile('w+') as file:\n    file.write('42')\n    file.seek(0)\n"
    assert _output(pool, program + "    print(file.read())") == "42\n"


def test_randomness_is_the_same_each_time(pool):
    program = "import random\nimport numpy as np\nprint(random.random(), np.random.rand(), hash('a'))"
    assert len({result.stdout for result in pool.run([program] * 4)}) == 1


@pytest.mark.parametrize(
    ("program", "outcome", "error"),
    [
        ("import time\ntime.sleep(60)", "timed_out", "no end after 6 s"),
        ("x = bytearray(2**30)", "memory", "MemoryError"),
        ("print('x' * 1001)", "output_flood", "more than 1000 bytes of output"),
        ("import ctypes\nctypes.string_at(0)", "killed", "killed by SIGSEGV"),
    ],
)
def test_limits(pool, program, outcome, error):
    (result,) = pool.run([program])
    assert result.outcome == outcome
    assert error in result.error


@pytest.mark.usefixtures("bubblewrap")
def test_cpu_time_is_limited_apart_from_wall_time():
    recipe = SandboxRecipe(workers=1, cpu_seconds=1, wall_seconds=60.0)
    with Sandbox(recipe, preload=()) as sandbox:
        (result,) = sandbox.run(["while True: pass"])
    assert (result.outcome, result.error) == ("timed_out", "more than 1 s of CPU time")


def test_output_up_to_the_limit_is_whole(pool):
    assert _output(pool, "print('x' * 999)") == "x" * 999 + "\n"
    (result,) = pool.run(["print('x' * 5000)"])
    assert result.stdout == "x" * 1000


def test_output_before_the_end_is_kept(pool):
    (result,) = pool.run(["import time\nprint('so far', flush=True)\ntime.sleep(60)"])
    assert (result.outcome, result.stdout) == ("timed_out", "so far\n")


def test_sandboxes_work_side_by_side(pool):
    results = pool.run(["import time\nprint(time.monotonic())\ntime.sleep(1)\nprint(time.monotonic())"] * 4)
    assert {result.outcome for result in results} == {"ok"}
    (_, first_end), (second_start, _), *_ = sorted(tuple(map(float, result.stdout.split())) for result in results)
    assert second_start < first_end


def test_threads_may_share_a_pool(pool):
    results = {}

    def ask(number):
        results[number] = [result.stdout for result in pool.run([f"print({number})"] * 5)]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: [f"{number}\n"] * 5 for number in range(6)}
