"""The recipe's section on how completions are drawn."""

from typing import Annotated

from pydantic import Field

from mathmill.recipe_types import PositiveCount, Section


class SamplingRecipe(Section):
    """How completions are drawn. The paper gives the length only."""

    temperature: Annotated[float, Field(ge=0)] = 1.0
    """0 is greedy."""
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    max_new_tokens: PositiveCount = 1024
