"""An output directory is complete or absent, whenever its job ends."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathmill.errors import UserError
from mathmill.output import is_finished, output_directory, partial_path, require_finished, write_text


def _interrupted(out: Path, error: BaseException, *, resume: bool = False) -> None:
    """A job that writes `checkpoint` and ends in the middle."""
    with output_directory(out, resume=resume) as folder:
        assert not (folder / "_SUCCESS").exists()
        (folder / "checkpoint").write_text("7")
        raise error


def test_an_output_appears_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    with output_directory(out) as folder:
        (folder / "data").write_text("x")
        assert not out.exists()
    assert is_finished(out)
    assert (out / "data").read_text() == "x"
    assert [path.name for path in out.parent.iterdir()] == ["out"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_failed_job_leaves_no_output(tmp_path: Path, error: type[BaseException]) -> None:
    out = tmp_path / "out"
    with pytest.raises(error):
        _interrupted(out, error())
    assert not out.exists()
    assert not is_finished(partial_path(out))


@pytest.mark.parametrize("resume", [False, True])
def test_the_next_try_starts_anew_or_goes_on(tmp_path: Path, resume: bool) -> None:
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        _interrupted(out, KeyboardInterrupt())
    with output_directory(out, resume=resume):
        pass
    assert (out / "checkpoint").exists() is resume


@pytest.mark.parametrize("finished", [False, True])
def test_what_stands_at_the_output_is_left_alone(tmp_path: Path, finished: bool) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "precious").write_text("x")
    if finished:
        (out / "_SUCCESS").touch()
    with pytest.raises(UserError, match="exists already"), output_directory(out):
        pytest.fail("the block must not run")
    assert (out / "precious").read_text() == "x"
    assert not partial_path(out).exists()


def test_a_partial_folder_is_never_finished(tmp_path: Path) -> None:
    out = tmp_path / "out"
    partial_path(out).mkdir()
    (partial_path(out) / "_SUCCESS").touch()
    assert not is_finished(partial_path(out))
    with pytest.raises(KeyboardInterrupt):
        _interrupted(out, KeyboardInterrupt(), resume=True)


def test_an_output_cannot_have_the_name_of_a_partial_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unfinished"), output_directory(tmp_path / "out.partial"):
        pytest.fail("the block must not run")


@pytest.mark.parametrize("moment", ["mathmill.output._flush_directory", "os.rename", "pathlib.Path.touch"])
def test_a_job_killed_while_it_completes_its_output_leaves_none(tmp_path: Path, moment: str) -> None:
    out = tmp_path / "out"
    script = f"""
        import os, signal
        from pathlib import Path
        from unittest.mock import patch
        import mathmill.output
        def kill(*_, **__):
            os.kill(os.getpid(), signal.SIGKILL)
        with mathmill.output.output_directory(Path({str(out)!r})) as folder:
            (folder / "data").write_text("x")
            patch({moment!r}, kill).start()
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not out.exists()
    assert [path for path in tmp_path.iterdir() if is_finished(path)] == []
    with output_directory(out):
        pass
    assert is_finished(out)


def test_a_missing_or_unfinished_input_names_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"does not exist.*mathmill corpus dedup"):
        require_finished(tmp_path / "none", "mathmill corpus dedup")
    (tmp_path / "half").mkdir()
    with pytest.raises(UserError, match=r"no _SUCCESS.*mathmill corpus dedup"):
        require_finished(tmp_path / "half", "mathmill corpus dedup")
    with output_directory(tmp_path / "whole"):
        pass
    assert require_finished(tmp_path / "whole", "") == tmp_path / "whole"


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r")))
def test_text_is_read_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("text") / "file"
    write_text(path, text)
    assert path.read_text(encoding="utf-8") == text


def test_a_reader_sees_the_old_text_or_the_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_text(path, "old")
    seen = []
    replace = os.replace

    def watched(source: Path, target: Path) -> None:
        seen.append((path.read_text(), Path(source).read_text()))
        replace(source, target)

    monkeypatch.setattr(os, "replace", watched)
    write_text(path, "new")
    assert seen == [("old", "new")]
    assert path.read_text() == "new"
    assert {one.name for one in tmp_path.iterdir()} == {"file", "home"}
