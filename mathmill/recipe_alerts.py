"""The recipe's section on telling people about DAG runs."""

from typing import Self

from pydantic import model_validator

from mathmill.recipe_types import Rate, Section


class AlertsRecipe(Section):
    """Who is told when a DAG run fails or takes too long: nobody by default."""

    connection: str | None = None
    """Airflow connection of type `mathmill_webhook`, whose address gets one line for each run that fails."""
    deadline_hours: Rate | None = None
    """It gets one, too, when a run takes more hours than this from its start; null: however long a run takes."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.deadline_hours is not None and self.connection is None:
            raise ValueError("deadline_hours tells nobody without a connection: name one, or leave it out")
        return self
