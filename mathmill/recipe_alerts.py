"""The recipe's section on telling people about DAG runs."""

from typing import Literal

from mathmill.recipe_types import Section

DeadlineHours = Literal[1, 2, 4, 8, 12, 24, 48, 96, 168]
"""DAGs are laid out before a run names its recipe, so that each has all of these deadlines."""


class AlertsRecipe(Section):
    """Who is told when a DAG run fails or takes too long: nobody by default."""

    connection: str | None = None
    """Airflow connection of type `mathmill_webhook`, whose address gets one line for each run that fails, and for each
    that misses the deadline."""
    deadline: DeadlineHours | None = None
    """Hours from a run's being queued until it is to have ended; null: it may take any time."""
