"""Addresses of Airflow's own pages."""

from airflow.configuration import conf


def airflow_page(path: str) -> str:
    """The page at `path`, which has no slash in front, as people reach it."""
    base: str = conf.get("api", "base_url", fallback="")
    return f"{base.rstrip('/')}/{path}"
