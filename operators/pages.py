"""Addresses of Airflow's own pages."""

from urllib.parse import quote

from airflow.configuration import conf


def airflow_page(path: str) -> str:
    """The page at `path`, which has no slash in front, as people reach it."""
    base: str = conf.get("api", "base_url", fallback="")
    return f"{base.rstrip('/')}/{path}"


def run_page(dag_id: str, run_id: str) -> str:
    """A DAG run's page."""
    return airflow_page(f"dags/{quote(dag_id)}/runs/{quote(run_id)}")


def log_page(dag_id: str, run_id: str, task_id: str, map_index: int, try_number: int) -> str:
    """The page of a task's try, which shows its log; `map_index` is negative where the task is not mapped."""
    mapped = f"/mapped/{map_index}" if map_index >= 0 else ""
    return f"{run_page(dag_id, run_id)}/tasks/{quote(task_id)}{mapped}?try_number={try_number}"
