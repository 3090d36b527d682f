"""The recipe's section on telling people about DAG runs."""

from mathmill.recipe_types import Section


class AlertsRecipe(Section):
    """Who is told when a DAG run fails: nobody by default."""

    connection: str | None = None
    """Airflow connection of type `mathmill_webhook`, whose address gets one line for each run that fails."""
