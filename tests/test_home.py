"""The home folder, and the newest finished output in it."""

import os
from pathlib import Path

import pytest

from mathmill.errors import UserError
from mathmill.home import CHECKOUT, STAGE_COMMANDS, home, newest_output, outputs


def _output(name: str, *, finished_at: int | None) -> Path:
    folder = outputs("demo", "base") / name
    folder.mkdir(parents=True)
    if finished_at is not None:
        (folder / "_SUCCESS").touch()
        os.utime(folder / "_SUCCESS", (finished_at, finished_at))
    return folder


def test_the_home_is_named_by_the_environment_or_lies_in_the_checkout(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert home() == tmp_path / "home"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MATHMILL_HOME", "elsewhere")
    assert home() == tmp_path / "elsewhere"
    for unset in ("", None):
        if unset is None:
            monkeypatch.delenv("MATHMILL_HOME")
        else:
            monkeypatch.setenv("MATHMILL_HOME", unset)
        assert home() == CHECKOUT / ".mathmill"


def test_the_newest_output_is_the_one_finished_last_whatever_its_name() -> None:
    newest = _output("a", finished_at=2000)
    _output("z", finished_at=1000)
    _output("unfinished", finished_at=None)
    _output("killed.partial", finished_at=3000)
    assert newest_output("demo", "base") == newest


def test_outputs_finished_at_one_moment_are_told_apart_by_name() -> None:
    _output("20260101T000000Z", finished_at=1000)
    later = _output("20260102T000000Z", finished_at=1000)
    assert newest_output("demo", "base") == later


@pytest.mark.parametrize(("stage", "command"), STAGE_COMMANDS.items())
def test_a_missing_output_is_one_line_that_names_the_command(stage: str, command: str) -> None:
    with pytest.raises(UserError) as error:
        newest_output("demo", stage)
    assert f"{command} --recipe demo" in str(error.value)
    assert str(outputs("demo", stage)) in str(error.value)
    assert "\n" not in str(error.value)


def test_outputs_of_another_recipe_or_stage_do_not_count() -> None:
    _output("a", finished_at=1000)
    for recipe, stage in (("other", "base"), ("demo", "rl")):
        with pytest.raises(UserError):
            newest_output(recipe, stage)
