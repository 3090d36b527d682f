"""Starting the ranks of a job and answering for them."""

import textwrap
from pathlib import Path

import pytest

from mathmill.home import outputs
from mathmill.recipe_file import load_recipe
from mathmill.training import launch
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


def test_all_ranks_are_told_one_output_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = """
        import pathlib, os, sys
        pathlib.Path(__file__).with_name(f"told-{os.environ['RANK']}").write_text(" ".join(sys.argv[1:]))
    """
    (tmp_path / "telling.py").write_text(textwrap.dedent(program), encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setitem(launch.MODULES, "rl", "telling")
    assert launch.main(["rl", "--recipe", "demo"]) == 0
    told = [(tmp_path / f"told-{rank}").read_text().split() for rank in (0, 1)]
    assert told[0] == told[1]
    assert told[0][:3] == ["--recipe", "demo", "--out"]
    assert Path(told[0][3]).parent == outputs("demo", "rl")


def test_more_machines_than_started_are_refused_with_the_mend(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    nodes = ["--set", "launch.nodes=2", "--set", "launch.processes=1"]
    assert launch.main(["pretrain", "--recipe", "demo", *nodes, "--out", str(tmp_path / "out")]) == 2
    told = capfd.readouterr().err
    assert told.startswith("mathmill: error: launch.nodes is 2, and this job was started on 1: choose the launcher")
    assert told.count("\n") == 1
