"""Airflow's plugin "Corpus": pages on which a person sees a corpus build and decides what is mathematics."""

from typing import Any, ClassVar
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

PREFIX = "/corpus"
PAGES = urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/") + PREFIX
"""Where a browser finds the pages, below the prefix that Airflow itself is served under."""


async def pages(scope: Any, receive: Any, send: Any) -> None:
    """The application, imported when it is asked for: every process of Airflow loads its plugins."""
    from corpus_pages.app import app

    await app(scope, receive, send)


class CorpusPlugin(AirflowPlugin):
    """The item "Corpus" in the navigation, and a tab of each run of `corpus_refresh`."""

    name = "mathmill_corpus"
    fastapi_apps: ClassVar = [{"app": pages, "url_prefix": PREFIX, "name": "Corpus"}]
    external_views: ClassVar = [
        {
            "name": "Corpus",
            "href": f"{PAGES}/",
            "destination": "nav",
            "nav_top_level": True,
            "url_route": "corpus",
        },
        {
            "name": "Corpus",
            "href": f"{PAGES}/runs/{{DAG_ID}}/{{RUN_ID}}",
            "destination": "dag_run",
            "url_route": "corpus-run",
        },
    ]
