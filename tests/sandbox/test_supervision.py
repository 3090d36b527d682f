"""The supervisor outlives its sandboxes and they never outlive it; what cannot be isolated is refused."""

import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from mathmill.errors import UserError
from mathmill.home import CHECKOUT
from mathmill.recipe_sandbox import SandboxRecipe
from mathmill.sandbox import Sandbox, SandboxBrokenError

LIMITS = SandboxRecipe(wall_seconds=3.0, cpu_seconds=2, memory_bytes=2**28, output_bytes=1000)


@pytest.mark.usefixtures("bubblewrap")
def test_a_sandbox_that_dies_is_started_again(caplog):
    with Sandbox(LIMITS.model_copy(update={"workers": 1}), preload=()) as sandbox:
        (worker,) = _sandboxes()
        within = worker.children(recursive=True)
        worker.kill()
        # What is in it dies by that, but a moment later, in which it may still answer.
        assert psutil.wait_procs(within, timeout=60)[1] == []
        assert sandbox.run(["print(1)"])[0].stdout == "1\n"
        assert "a sandbox died and is started again" in caplog.text
        # One that kills its sandbox each time is not tried for ever.
        killer = threading.Thread(target=_kill_under_a_program, args=(sandbox, 2))
        killer.start()
        (result,) = sandbox.run(["import time\ntime.sleep(2.9)"])
        killer.join()
        assert (result.outcome, result.error) == ("killed", "its sandbox died")
        assert sandbox.run(["print(2)"])[0].stdout == "2\n"


def _kill_under_a_program(sandbox, times):
    for _ in range(times):
        while sandbox._workers[0].task is None:  # noqa: SLF001 - from outside a program cannot be seen
            time.sleep(0.01)
        worker = sandbox._workers[0]  # noqa: SLF001
        worker.process.kill()
        while sandbox._workers[0] is worker:  # noqa: SLF001
            time.sleep(0.01)


@pytest.mark.usefixtures("bubblewrap")
def test_a_sandbox_that_does_not_answer_is_started_again(monkeypatch):
    monkeypatch.setattr("mathmill.sandbox.sandbox.GRACE_SECONDS", -2.0)
    with Sandbox(LIMITS.model_copy(update={"workers": 1}), preload=()) as sandbox:
        (worker,) = _sandboxes()
        (result,) = sandbox.run(["import time\ntime.sleep(60)"])
        assert (result.outcome, result.error) == ("timed_out", "no answer after 1 s")
        assert worker not in _sandboxes()
        monkeypatch.undo()
        assert sandbox.run(["print(1)"])[0].stdout == "1\n"


@pytest.mark.usefixtures("bubblewrap")
def test_a_sandbox_is_renewed_after_many_programs(monkeypatch):
    monkeypatch.setattr("mathmill.sandbox.sandbox.RUNS", 3)
    with Sandbox(LIMITS.model_copy(update={"workers": 1}), preload=()) as sandbox:
        (before,) = _sandboxes()
        assert [result.stdout for result in sandbox.run(["print(1)"] * 4)] == ["1\n"] * 4
        assert before not in _sandboxes()


@pytest.mark.usefixtures("bubblewrap")
def test_an_interrupted_call_leaves_no_stale_answer():
    with Sandbox(LIMITS.model_copy(update={"workers": 1}), preload=()) as sandbox:
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        with pytest.raises(KeyboardInterrupt):
            sandbox.run(["import time\ntime.sleep(2)\nprint('stale')"])
        assert sandbox.run(["print('fresh')"])[0].stdout == "fresh\n"


@pytest.mark.usefixtures("bubblewrap")
def test_nothing_runs_outside_the_block():
    with Sandbox(LIMITS, preload=()) as sandbox:
        assert len(_sandboxes()) == LIMITS.workers
    assert _sandboxes() == []
    with pytest.raises(SandboxBrokenError, match="within its `with` block"):
        sandbox.run(["print(1)"])


@pytest.mark.usefixtures("bubblewrap")
def test_no_sandbox_outlives_a_supervisor_that_was_killed():
    program = (
        "import os, signal, threading\n"
        "from mathmill.recipe_sandbox import SandboxRecipe\n"
        "from mathmill.sandbox import Sandbox\n"
        "with Sandbox(SandboxRecipe(), preload=()) as sandbox:\n"
        "    import psutil\n"
        "    print(*[p.pid for p in psutil.Process().children(recursive=True)], flush=True)\n"
        "    threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGKILL)).start()\n"
        "    sandbox.run(['import time; time.sleep(60)'] * 2)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    processes = [int(word) for word in ended.stdout.split()]
    assert len(processes) > 4, ended.stderr
    deadline = time.monotonic() + 60
    while any(map(psutil.pid_exists, processes)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_without_bubblewrap_programs_are_refused_in_one_line(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError) as refusal, Sandbox(SandboxRecipe()):
        pass
    message = str(refusal.value)
    assert message.startswith("sandbox: no bwrap on the path: install bubblewrap")
    assert "\n" not in message


def test_a_machine_without_user_namespaces_is_refused_in_one_line(monkeypatch, tmp_path):
    _stand_in_for_bwrap(monkeypatch, tmp_path, "echo 'bwrap: No permissions to create new namespace' >&2\nexit 1")
    with pytest.raises(UserError) as refusal, Sandbox(SandboxRecipe()):
        pass
    message = str(refusal.value)
    assert message.startswith("sandbox: it cannot be started here: bwrap: No permissions to create new namespace")
    assert "\n" not in message
    assert _sandboxes() == []


@pytest.mark.usefixtures("bubblewrap")
def test_what_cannot_be_confined_is_refused_in_one_line(monkeypatch, tmp_path):
    # The user's own limit on the size of files is below the recipe's, and cannot be raised.
    _stand_in_for_bwrap(monkeypatch, tmp_path, f'ulimit -f 100\nexec {shutil.which("bwrap")} "$@"')
    with pytest.raises(UserError) as refusal, Sandbox(LIMITS, preload=()):
        pass
    message = str(refusal.value)
    assert message.startswith(
        "sandbox: programs cannot be confined here: ValueError: not allowed to raise maximum limit"
    )
    assert "\n" not in message
    assert _sandboxes() == []


def test_without_isolation_limits_hold_and_one_line_warns(caplog, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    recipe = LIMITS.model_copy(update={"isolation": "none"})
    others = set(psutil.Process().children(recursive=True))
    with caplog.at_level(logging.WARNING), Sandbox(recipe, preload=()) as sandbox:
        assert [record.message for record in caplog.records] == [
            "sandbox.isolation is none: programs that a model wrote run with the rights of this process"
        ]
        programs = [
            "print(6 * 7)",
            "while True: pass",
            "import time\ntime.sleep(60)",
            "bytearray(2**30)",
            "print('x' * 1001)",
            "import os\nif not os.fork():\n    import time\n    time.sleep(60)\nprint('left a child')",
            "import os\nprint(os.listdir('.'))",
        ]
        results = sandbox.run(programs)
    outcomes = ["ok", "timed_out", "timed_out", "memory", "output_flood", "ok", "ok"]
    assert [result.outcome for result in results] == outcomes
    assert (results[0].stdout, results[-1].stdout) == ("42\n", "[]\n")
    assert set(psutil.Process().children(recursive=True)) <= others


@pytest.mark.skipif(os.getuid() != 0, reason="the other tests run as an ordinary user already")
@pytest.mark.usefixtures("bubblewrap")
def test_an_ordinary_user_has_the_same_sandbox():
    """As nobody, in a view of this machine in which the interpreter's folder, maybe root's own, can be read."""
    base = Path(sys.base_prefix)
    program = (
        "import os\nfrom mathmill.recipe_sandbox import SandboxRecipe\nfrom mathmill.sandbox import Sandbox\n"
        "bomb = 'import os\\nwhile True: os.fork()'\n"
        "with Sandbox(SandboxRecipe(), preload=()) as sandbox:\n"
        "    results = sandbox.run(['import os\\nprint(os.getuid(), os.getpid())', bomb, 'open(\"/etc/passwd\")'])\n"
        "    print(os.getuid(), [result.outcome for result in results], results[0].stdout, results[2].error[-60:])"
    )
    folder = str(Path(*base.parts[:3]))
    readable = ["--perms", "0755", "--tmpfs", "/root", "--ro-bind", folder, folder]
    view = ["bwrap", "--dev-bind", "/", "/", *(readable if base.is_relative_to("/root") else [])]
    nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    environment = ["env", "HOME=/tmp", f"PYTHONPATH={CHECKOUT}", "PYTHONDONTWRITEBYTECODE=1"]
    command = [*view, *nobody, *environment, sys.executable, "-c", program]
    result = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
    assert result.stdout.startswith("65534 ['ok', 'error', 'error'] 65534 1\n"), result.stderr
    assert "No such file or directory: '/etc/passwd'" in result.stdout


def _stand_in_for_bwrap(monkeypatch, folder, script):
    bwrap = folder / "bwrap"
    bwrap.write_text(f"#!/bin/sh\n{script}\n")
    bwrap.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def _sandboxes():
    return [
        process
        for process in psutil.Process().children()
        if process.name() == "bwrap" and process.status() != psutil.STATUS_ZOMBIE
    ]
