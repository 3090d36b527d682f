"""Where the first positive pages come from."""

import json
from pathlib import Path

import pytest

from mathmill.corpus.seed import draw, seed_path
from mathmill.errors import UserError
from mathmill.recipe_file import load_recipe


def test_a_path_is_taken_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "seed.jsonl"
    file.touch()
    assert seed_path(str(file), load_recipe("demo")) == file


def test_a_missing_file_is_not_asked_for_at_the_hub() -> None:
    with pytest.raises(UserError, match=r"--seed pages/seed.jsonl does not exist"):
        seed_path("pages/seed.jsonl", load_recipe("demo"))


def test_rows_of_a_data_set_are_drawn_by_the_seed(tmp_path: Path) -> None:
    rows = [{"url": f"http://seed.example/{n}", "text": "A lemma.", "date": n} for n in range(100)]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    drawn = []
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        draw(str(tmp_path / "data"), 10, seed, tmp_path / name)
        drawn.append((tmp_path / name).read_text(encoding="utf-8"))
    assert len(drawn[0].splitlines()) == 10
    assert json.loads(drawn[0].splitlines()[0]).keys() == {"url", "text"}
    assert drawn[0] == drawn[1] != drawn[2]
