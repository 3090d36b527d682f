"""The registry knows which version stands in which folder, and which is the champion."""

from pathlib import Path

import pytest

from mathmill.recipe import Recipe
from mathmill.recipe_file import load_recipe
from mathmill.tracking.registry import champion, crown, version_at
from mathmill.tracking.task_run import task_run


@pytest.fixture
def recipe() -> Recipe:
    return load_recipe("demo")


def _register(recipe: Recipe, path: Path, role: str = "rl") -> str:
    with task_run(recipe, role) as run:
        return run.register_model(path, recipe.name, role, {})


def test_nothing_registered_is_nothing_found(tmp_path: Path) -> None:
    assert version_at("demo", "rl", tmp_path) is None
    assert champion("demo", "rl") is None


def test_a_version_is_found_by_its_folder_and_role(recipe: Recipe, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    numbers = [_register(recipe, one), _register(recipe, other)]
    found = [version_at("demo", "rl", path) for path in (one, other)]
    assert [version.number for version in found if version] == numbers
    assert [version.path for version in found if version] == [one, other]
    assert version_at("demo", "base", one) is None
    assert champion("demo", "rl") is None


def test_the_newest_of_many_versions_in_one_folder_counts_as_a_number(recipe: Recipe, tmp_path: Path) -> None:
    for _ in range(10):
        _register(recipe, tmp_path)
    version = version_at("demo", "rl", tmp_path)
    assert version is not None
    assert version.number == "10"


def test_the_crown_moves_and_notes_what_it_was_won_with(recipe: Recipe, tmp_path: Path) -> None:
    for name, accuracy in (("one", 0.25), ("other", 1 / 3)):
        _register(recipe, tmp_path / name)
        version = version_at("demo", "rl", tmp_path / name)
        assert version is not None
        assert version.accuracy is None
        crown(version, accuracy, "chain_sum", "auto")
        best = champion("demo", "rl")
        assert best is not None
        assert (best.number, best.path, best.tasks) == (version.number, tmp_path / name, "chain_sum")
        assert best.accuracy == pytest.approx(accuracy, abs=1e-6)
    first = version_at("demo", "rl", tmp_path / "one")
    assert first is not None
    assert first.accuracy == 0.25


def test_each_role_and_recipe_has_a_champion_of_its_own(recipe: Recipe, tmp_path: Path) -> None:
    _register(recipe, tmp_path)
    version = version_at("demo", "rl", tmp_path)
    assert version is not None
    crown(version, 0.5, "chain_sum", "ann")
    assert champion("demo", "base") is None
    assert champion("other", "rl") is None
