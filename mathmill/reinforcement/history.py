"""What a finished run says of itself: its settings, and its figures step by step (`history.json`)."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mathmill.errors import UserError
from mathmill.output import write_text
from mathmill.recipe import Recipe
from mathmill.recipe_reinforcement import ReinforceRecipe

HISTORY = "history.json"


@dataclass(frozen=True, slots=True)
class History:
    """One run of `mathmill train rl`."""

    seed: int
    settings: dict[str, Any]
    """The recipe's `reinforce`, every default filled in."""
    steps: list[dict[str, float]]
    """Figures of every step."""
    validations: list[dict[str, float]]
    """Figures of every validation, with `step`, how many steps were done."""

    @classmethod
    def of(cls, recipe: Recipe, steps: list[dict[str, float]], validations: list[dict[str, float]]) -> "History":
        """The history of a run of `recipe`."""
        return cls(recipe.seed, recipe.reinforce.model_dump(mode="json"), steps, validations)

    @classmethod
    def read(cls, directory: Path) -> "History":
        """The history of the model in `directory`.

        Raises:
            UserError: the run left none, or one without its settings.
        """
        path = directory / HISTORY
        if not path.is_file():
            raise UserError(f"{directory} has no {HISTORY}: name a model made by `mathmill train rl`")
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (json.JSONDecodeError, TypeError) as error:
            raise UserError(f"{path} is no history of this version ({error}): train the model again") from error

    def write(self, directory: Path) -> Path:
        """Write it to the model's folder."""
        path = directory / HISTORY
        write_text(path, json.dumps(asdict(self)))
        return path

    def reinforce(self) -> ReinforceRecipe:
        """The settings as a recipe has them."""
        return ReinforceRecipe.model_validate(self.settings)
