"""What Airflow's provider discovery is told about this package."""

from typing import Any

FORM_TEXT = {"type": ["string", "null"]}
OWN_FIELDS_ALONE = {"hidden-fields": ["host", "port", "login", "password", "schema", "extra"]}
"""Of a form: the fields that every connection has are not shown."""


def get_provider_info() -> dict[str, Any]:
    """Name, connection types and extra links of the provider, by Airflow's schema."""
    return {
        "package-name": "mathmill",
        "name": "MathMill",
        "description": "Spark and DeepSpeed jobs as durable tasks.",
        "extra-links": ["operators.link.MlflowRunLink"],
        "connection-types": [launcher_connection(), webhook_connection(), crawls_connection()],
    }


def launcher_connection() -> dict[str, Any]:
    """The connection type that says where jobs run, and its form; `operators.launcher_hook` reads what it holds."""
    return {
        "connection-type": "mathmill_launcher",
        "hook-class-name": "operators.launcher_hook.LauncherHook",
        "hook-name": "MathMill launcher",
        "ui-field-behaviour": OWN_FIELDS_ALONE,
        "conn-fields": {
            "launcher": {
                "label": "Launcher",
                "description": "What starts the jobs.",
                "schema": {"type": "string", "enum": ["local", "slurm"], "default": "local"},
            },
            "folder": {
                "label": "Folder of the jobs",
                "description": "Absolute, and seen by every machine under the same path. Empty: jobs/ in the home.",
                "schema": FORM_TEXT,
            },
            "partition": {"label": "Partition", "description": "Slurm's. Empty: its default.", "schema": FORM_TEXT},
            "gpus": {
                "label": "GPUs of a training job",
                "description": "Asked of Slurm on each node; 0 on a cluster without.",
                "schema": {"type": ["integer", "null"], "minimum": 0, "default": 0},
            },
            "options": {
                "label": "Further options",
                "description": "Of sbatch, for example --account=mathematics --time=2-00:00.",
                "schema": FORM_TEXT,
            },
        },
    }


def webhook_connection() -> dict[str, Any]:
    """The connection type that says where alerts go, and its form; `operators.webhook` posts there."""
    return {
        "connection-type": "mathmill_webhook",
        "hook-class-name": "operators.webhook.WebhookHook",
        "hook-name": "MathMill webhook",
        "ui-field-behaviour": {
            "hidden-fields": ["host", "schema", "login", "port", "extra"],
            "relabeling": {"password": "Address"},
            "placeholders": {"password": "https://…, kept secret"},
        },
    }


def crawls_connection() -> dict[str, Any]:
    """The connection type that says which list of crawls is watched, and its form; `operators.crawls_hook` reads it."""
    return {
        "connection-type": "mathmill_crawls",
        "hook-class-name": "operators.crawls_hook.CrawlsHook",
        "hook-name": "MathMill list of crawls",
        "ui-field-behaviour": OWN_FIELDS_ALONE,
        "conn-fields": {
            "list": {
                "label": "List of crawls",
                "description": "Address or path of a JSON list of objects with an id. Empty: Common Crawl's.",
                "schema": FORM_TEXT,
            },
            "recipe": {
                "label": "Recipe",
                "description": "Whose corpus is refreshed: a name in recipes/, or an absolute path.",
                "schema": {"type": "string"},
            },
            "overrides": {
                "label": "Overrides",
                "description": 'Keys of the recipe that the refreshes change, for example {"corpus.files": 100}.',
                "schema": {"type": ["object", "null"]},
            },
            "since": {
                "label": "Since",
                "description": "A crawl id: crawls of the list from this one on are refreshed, too. Empty: only those"
                " that come.",
                "schema": FORM_TEXT,
            },
            "hours": {
                "label": "Hours between two looks",
                "description": "At the list; 24 by default.",
                "schema": {"type": ["number", "null"], "exclusiveMinimum": 0, "default": 24},
            },
        },
    }
