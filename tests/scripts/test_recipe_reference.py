"""The recipe reference is up to date and names every key."""

import subprocess
import sys
from pathlib import Path

from mathmill.home import CHECKOUT
from mathmill.recipe import Recipe


def test_the_recipe_reference_is_up_to_date(tmp_path: Path) -> None:
    script = CHECKOUT / "scripts" / "recipe_reference.py"
    subprocess.run([sys.executable, str(script), str(tmp_path / "recipe.md")], check=True)
    written = (tmp_path / "recipe.md").read_text(encoding="utf-8")
    assert (CHECKOUT / "docs" / "recipe.md").read_text(encoding="utf-8") == written, "run `make docs`"
    assert all(f"\n| `{key}` | " in written for key in Recipe.model_fields)


def test_every_documented_key_says_what_it_is() -> None:
    text = (CHECKOUT / "docs" / "recipe.md").read_text(encoding="utf-8")
    for row in (line for line in text.splitlines() if line.startswith("| `")):
        assert row.replace("\\|", "").count("|") == 5, row
