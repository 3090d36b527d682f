"""What Airflow's provider discovery is told about this package."""

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Name and extra links of the provider, by its schema."""
    return {
        "package-name": "mathmill",
        "name": "MathMill",
        "description": "Spark and DeepSpeed jobs as durable tasks.",
        "extra-links": ["operators.link.MlflowRunLink"],
    }
