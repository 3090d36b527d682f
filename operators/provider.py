"""What Airflow's provider discovery is told about this package."""

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Name, connection types and extra links of the provider, by its schema."""
    return {
        "package-name": "mathmill",
        "name": "MathMill",
        "description": "Spark and DeepSpeed jobs as durable tasks.",
        "connection-types": [
            {
                "connection-type": "mathmill_webhook",
                "hook-name": "MathMill webhook",
                "hook-class-name": "operators.webhook.WebhookHook",
                "ui-field-behaviour": {
                    "hidden-fields": ["host", "schema", "login", "port", "extra"],
                    "relabeling": {"password": "Address"},
                    "placeholders": {"password": "https://…, kept secret"},
                },
            }
        ],
        "extra-links": ["operators.link.MlflowRunLink"],
    }
