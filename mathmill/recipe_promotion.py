"""The recipe's section on who decides which evaluated model becomes champion."""

from typing import Literal

from mathmill.recipe_types import Rate, Section


class PromotionRecipe(Section):
    """Whether an evaluated model becomes its name's champion. `promotion: person` is short for its mode."""

    mode: Literal["auto", "person"] = "auto"
    """Who decides: `auto`, the mean accuracy over the tasks; `person`, somebody in Airflow, who sees the figures of the
    new model and of the champion side by side, and for whom `evaluate` waits."""
    response_timeout: Rate = 168.0
    """Hours to wait for a person's answer; after them the accuracy decides."""
