"""Starting the ranks of a job and answering for them."""

import textwrap
from pathlib import Path

import pytest

from mathmill.recipe_file import load_recipe
from mathmill.training.launch import run_ranks


def _run(folder: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> int:
    """The exit code of `program` on two ranks; it knows its `rank`."""
    start = "import os, pathlib, signal, sys, time\nrank = int(os.environ['RANK'])\n"
    (folder / "rank_program.py").write_text(start + textwrap.dedent(program), encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return run_ranks("rank_program", [], load_recipe("demo"))


def test_the_first_rank_speaks_and_the_others_are_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert _run(tmp_path, monkeypatch, "print('rank', rank)") == 0
    assert capfd.readouterr().out == "rank 0\n"


def test_a_mistake_that_every_rank_meets_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    program = """
        time.sleep(0 if rank else 0.6)
        print("mathmill: error: no base model", file=sys.stderr)
        sys.exit(2)
    """
    assert _run(tmp_path, monkeypatch, program) == 2
    assert capfd.readouterr().err == "mathmill: error: no base model\n"


def test_a_rank_that_fails_alone_is_shown_and_ends_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    program = """
        ready = pathlib.Path(__file__).with_name("ready")
        if rank == 0:
            signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
            ready.touch()
            time.sleep(60)
        while not ready.exists():
            time.sleep(0.02)
        sys.exit("out of memory")
    """
    assert _run(tmp_path, monkeypatch, program) == 1
    assert capfd.readouterr().err == "rank 1 failed:\nout of memory\n\nended\n"
