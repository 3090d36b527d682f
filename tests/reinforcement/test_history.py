"""A run's history says which run it was."""

from pathlib import Path

import pytest

from mathmill.errors import UserError
from mathmill.recipe_file import load_recipe
from mathmill.reinforcement.history import HISTORY, History


def test_a_history_is_read_as_it_was_written(tmp_path: Path) -> None:
    recipe = load_recipe("demo", ["seed=7"])
    History.of(recipe, [{"reward": 0.5}], [{"step": 0, "validation/accuracy": 0.25}]).write(tmp_path)
    history = History.read(tmp_path)
    assert (history.seed, history.reinforce()) == (7, recipe.reinforce)
    assert (history.steps[0]["reward"], history.validations[0]["validation/accuracy"]) == (0.5, 0.25)


@pytest.mark.parametrize("text", ["{", '{"steps": [], "validations": []}'])
def test_what_cannot_be_read_is_one_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(UserError, match=r"has no history\.json"):
        History.read(tmp_path)
    (tmp_path / HISTORY).write_text(text)
    with pytest.raises(UserError, match="train the model again"):
        History.read(tmp_path)
