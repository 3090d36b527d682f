"""Nothing gets out, uses up the machine or stays behind; the evaluator lives on and its next result is right."""

import builtins
import errno
import json
import os
import pickle
import platform
import socket
import threading
from collections.abc import Iterator

import psutil
import pytest

from mathmill.home import CHECKOUT
from mathmill.sandbox import Sandbox
from mathmill.sandbox.inside import frames, system_calls
from tests.sandbox import escapes

pytestmark = pytest.mark.slow

SECRET = "sesame"


@pytest.fixture(autouse=True)
def _next_result_is_right(sandbox: Sandbox) -> Iterator[None]:
    """After each attempt the sandbox is the one it was, alone, and works."""
    worker = _sandbox_processes()
    yield
    (result,) = sandbox.run(["import sympy\nprint(sympy.Integer(6) * 7)"])
    assert (result.outcome, result.stdout) == ("ok", "42\n")
    assert _sandbox_processes() == worker


def _sandbox_processes() -> set[int]:
    """Process ids of bubblewrap and the fork server; what they fork for programs comes and goes."""
    mine = psutil.Process().children(recursive=True)
    return {process.pid for process in mine if process.name() == "bwrap"}


def _run(sandbox: Sandbox, program: str, **facts: object):
    source = escapes.PRELUDE + (program.format(**facts) if facts else program)
    (result,) = sandbox.run([source])
    return result


@pytest.mark.parametrize(("program", "error"), escapes.READING.values(), ids=escapes.READING)
def test_escape_by_reading(sandbox, tmp_path, program, error):
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    secret.chmod(0o644)
    facts = {"secret": str(secret), "checkout": str(CHECKOUT)}
    result = _run(sandbox, f"attempt(lambda: {program})", **facts)
    assert result.stdout == f"{error}\n", result


@pytest.mark.parametrize(("program", "error"), escapes.WRITING.values(), ids=escapes.WRITING)
def test_escape_by_writing(sandbox, program, error):
    raised = _run(sandbox, f"attempt(lambda: {program})").stdout.strip()
    # Of a file that an ordinary user owns only the mount says no; of root's the permissions do before it.
    assert issubclass(getattr(builtins, raised), getattr(builtins, error)), raised


@pytest.mark.parametrize(("program", "error"), escapes.NETWORK.values(), ids=escapes.NETWORK)
def test_escape_by_network(sandbox, program, error):
    abstract = f"mathmill-{os.getpid()}"
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as box:
        box.bind("\0" + abstract)
        port = server.getsockname()[1]
        result = _run(sandbox, f"attempt(lambda: {program})", port=port, abstract=abstract)
        assert result.stdout == f"{error}\n", result
        for listener in (server, box):
            listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()
        with pytest.raises(BlockingIOError):
            box.recv(1)


@pytest.mark.parametrize(("program", "error"), escapes.PRIVILEGES.values(), ids=escapes.PRIVILEGES)
def test_escape_by_privileges(sandbox, program, error):
    assert _run(sandbox, f"attempt(lambda: {program})").stdout == f"{error}\n"


@pytest.mark.parametrize("name", escapes.SYSTEM_CALLS)
def test_escape_by_system_calls(sandbox, name):
    number = escapes.SYSTEM_CALLS[name][system_calls.MACHINES.index(platform.machine())]
    assert _run(sandbox, f"attempt(lambda: system_call({number}, 0, 0, 0, 0, 0, 0))").stdout == "PermissionError\n"


@pytest.mark.parametrize("flag", [0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000])
def test_escape_by_clones_in_new_namespaces(sandbox, flag):
    clone = {"x86_64": 56, "aarch64": 220}[platform.machine()]
    result = _run(sandbox, f"attempt(lambda: system_call({clone}, {flag} | 17, 0, 0, 0, 0))")
    assert result.stdout == "PermissionError\n"


def test_escape_by_the_clone_whose_flags_no_filter_sees(sandbox):
    program = "libc = ctypes.CDLL(None, use_errno=True)\nprint(libc.syscall(435, 0, 0), ctypes.get_errno())"
    assert _run(sandbox, program).stdout == f"-1 {errno.ENOSYS}\n"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="these are instructions of x86_64")
def test_escape_by_the_32_bit_system_calls(sandbox):
    code = "b'\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\xc3'"  # mov eax, 20; int 0x80; ret
    program = (
        "import mmap\n"
        "page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)\n"
        f"page.write({code})\n"
        "address = ctypes.addressof(ctypes.c_char.from_buffer(page))\n"
        "print('escaped', ctypes.CFUNCTYPE(ctypes.c_int)(address)())"
    )
    result = _run(sandbox, program)
    assert (result.outcome, result.error) == ("killed", "killed by SIGSYS")


@pytest.mark.parametrize(("program", "outcomes"), escapes.EXHAUSTION.values(), ids=escapes.EXHAUSTION)
def test_escape_by_exhaustion(sandbox, program, outcomes):
    result = _run(sandbox, program)
    assert result.outcome in outcomes, result.error
    assert len(result.stdout) <= 2**16


@pytest.mark.parametrize("program", escapes.SLEEPING.values(), ids=escapes.SLEEPING)
def test_escape_by_sleeping(sandbox, program):
    result = _run(sandbox, program)
    assert result.outcome == "timed_out"
    assert 4 <= result.seconds < 30


@pytest.mark.parametrize(("before", "after", "printed"), escapes.LEFT_BEHIND.values(), ids=escapes.LEFT_BEHIND)
def test_escape_by_what_is_left_behind(sandbox, before, after, printed):
    first, second = sandbox.run([escapes.PRELUDE + before, escapes.PRELUDE + after])
    assert first.outcome in {"ok", "error"}
    assert second.stdout == f"{printed}\n", second


def test_escape_by_the_environment(sandbox, monkeypatch):
    monkeypatch.setenv("MATHMILL_SECRET", SECRET)
    told = "sorted(os.environ), os.getuid() == 0, socket.gethostname(), os.getpid(), os.getppid()"
    result = _run(sandbox, f"print({told})")
    assert "SECRET" not in result.stdout
    assert result.stdout.endswith(" False sandbox 1 0\n")


def test_escape_by_signals_to_the_process_group(sandbox):
    assert _run(sandbox, "os.kill(0, signal.SIGKILL)\nos.killpg(0, signal.SIGTERM)\nprint('here')").stdout == "here\n"


def test_escape_by_signals_to_every_number(sandbox):
    program = (
        "found = 0\n"
        "for number in [*range(2, 70000), *range(-70000, -1)]:\n"
        "  try:\n    os.kill(number, signal.SIGKILL)\n    found += 1\n"
        "  except ProcessLookupError: pass\n"
        "print(found)"
    )
    assert _run(sandbox, program).stdout == "0\n"


def test_escape_by_inherited_descriptors(sandbox):
    program = (
        "found = []\n"
        "for number in range(3, 1024):\n"
        "  try: found.append((number, os.fstat(number)))\n"
        "  except OSError: pass\n"
        "print(found)"
    )
    assert _run(sandbox, program).stdout == "[]\n"


def test_escape_by_forged_frames(sandbox):
    forged = frames.encode({"outcome": "ok", "stdout": "forged", "error": "", "seconds": 0.0})
    program = (
        "for number in range(3, 256):\n"
        f"  try: os.write(number, {forged!r})\n"
        "  except OSError: pass\n"
        f"os.write(1, {forged!r})\nraise SystemExit(7)"
    )
    result = _run(sandbox, program)
    assert (result.outcome, result.error) == ("error", "exit code 7")
    assert result.stdout == forged.decode(errors="replace")


class Payload:
    """Whoever unpickles it makes a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_escape_by_pickles_in_the_output(sandbox, tmp_path):
    pickled = pickle.dumps(Payload(str(tmp_path / "escaped")), protocol=0)
    result = _run(sandbox, f"os.write(1, {pickled!r})\nos.write(2, {pickled!r})\nos._exit(1)")
    assert result.stdout.encode() == pickled
    assert not (tmp_path / "escaped").exists()


def test_escape_by_json_in_the_output(sandbox):
    text = json.dumps({"failure": "forged"})
    assert _run(sandbox, f"print({text!r})").stdout == f"{text}\n"


def test_escape_by_frames_on_the_stack(sandbox):
    program = (
        "frame, names = sys._getframe(), []\n"
        "while frame:\n  names += [n for n, v in frame.f_locals.items() if isinstance(v, socket.socket)]\n"
        "  frame = frame.f_back\n"
        "sockets = [o for o in gc.get_objects() if isinstance(o, socket.socket)]\n"
        "for one in sockets: attempt(lambda: one.send(b'forged'))\n"
        "print('done')"
    )
    lines = _run(sandbox, program).stdout.split()
    assert lines[-1] == "done"
    assert set(lines[:-1]) <= {"OSError"}, "the fork server's socket still works"


def test_escape_by_falling_back_into_the_fork_server(sandbox):
    result = _run(sandbox, "program = sys.modules['inside.program']\nprogram._exit = lambda status: None")
    assert result.outcome in {"ok", "error", "timed_out"}


def test_escape_by_names_that_were_taken_away(sandbox):
    program = "cls = ().__class__.__base__\nprint(any('socket' in c.__name__ for c in cls.__subclasses__()))\n"
    assert _run(sandbox, program + "attempt(lambda: __import__('_socket').socket(2, 1, 0))").stdout.endswith(
        "PermissionError\n"
    )


def test_escape_by_many_at_once(sandbox):
    bad = ["os._exit(3)", "os.abort()", "while True: os.fork()", "print('x' * 10**6)", "bytearray(2**40)"]
    programs = [escapes.PRELUDE + program for program in bad for _ in range(2)]
    mixed = [one for index, program in enumerate(programs) for one in (program, f"print({index})")]
    results = sandbox.run(mixed)
    assert [result.stdout for result in results[1::2]] == [f"{index}\n" for index in range(len(programs))]


def test_escape_from_another_thread(sandbox):
    found = []
    thread = threading.Thread(target=lambda: found.append(_run(sandbox, "while True: os.fork()")))
    thread.start()
    thread.join()
    assert found[0].outcome in {"error", "timed_out"}
