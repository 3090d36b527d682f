"""What Airflow's provider discovery is told about this package."""

from typing import Any

from operators.webhook import WebhookHook


def get_provider_info() -> dict[str, Any]:
    """Name, connection types and extra links of the provider, by its schema."""
    return {
        "package-name": "mathmill",
        "name": "MathMill",
        "description": "Spark and DeepSpeed jobs as durable tasks.",
        "connection-types": [WebhookHook.PROVIDER_INFO],
        "extra-links": ["operators.link.MlflowRunLink"],
    }
