"""The recipe's sections on how completions are drawn."""

from typing import Annotated, Literal

from pydantic import Field

from mathmill.recipe_types import PositiveCount, Section


class SamplingRecipe(Section):
    """How completions are drawn. The paper gives the length only."""

    temperature: Annotated[float, Field(ge=0)] = 1.0
    """0 is greedy."""
    top_k: PositiveCount | None = None
    """Draw among so many of the likeliest tokens; null: among all."""
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Draw among the likeliest tokens that together have this probability, after `top_k`."""
    max_new_tokens: PositiveCount = 1024
    """Greatest length of a completion, where it is cut; the paper's."""


class SearchRecipe(Section):
    """One answer a question, sought under a reward model (`mathmill.rollout.search`); the paper has no such search."""

    kind: Literal["best_of", "beam"] = "best_of"
    """`best_of`: the best of several whole solutions. `beam`: the best beginnings are kept step by step, which needs a
    process reward model."""
    samples: PositiveCount = 16
    """Solutions drawn by `best_of`."""
    width: PositiveCount = 1
    """Beginnings that a tree of `beam` keeps at each step."""
    expansions: PositiveCount = 4
    """Next steps drawn after each of them."""
    trees: PositiveCount = 4
    """Independent searches of a question, among whose solutions the best is taken."""

    @property
    def rows(self) -> int:
        """Completions that are drawn at a time for a question."""
        return self.samples if self.kind == "best_of" else self.trees * self.width * self.expansions
