"""Only whole checkpoints count, and only the newest stay."""

from pathlib import Path

from mathmill.training.checkpoints import complete, new_tag, newest_checkpoint, written_by


def _write(checkpoints: Path, step: int) -> str:
    tag = new_tag(checkpoints, step)
    (checkpoints / tag).mkdir(parents=True)
    return tag


def test_the_newest_stay_and_the_last_one_is_gone_back_to(tmp_path: Path) -> None:
    assert newest_checkpoint(tmp_path) is None
    for step in (5, 10, 15):
        complete(tmp_path, _write(tmp_path, step), ranks=2, kept=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["latest", "step-10", "step-15"]
    assert newest_checkpoint(tmp_path) == tmp_path / "step-15"
    assert written_by(tmp_path / "step-15") == 2


def test_one_that_was_cut_off_is_passed_over_and_removed(tmp_path: Path) -> None:
    complete(tmp_path, _write(tmp_path, 5), ranks=2, kept=2)
    assert _write(tmp_path, 10) == "step-10"
    assert newest_checkpoint(tmp_path) == tmp_path / "step-5"
    again = _write(tmp_path, 10)
    assert again == "step-10-again-1"
    complete(tmp_path, again, ranks=2, kept=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["latest", "step-10-again-1", "step-5"]
