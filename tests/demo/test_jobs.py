"""What the launcher's folders tell."""

import sys
import time
from pathlib import Path

import pytest

from mathmill.demo.jobs import JobTimes, busy_seconds, jobs_since
from mathmill.home import home
from mathmill.launcher import wrapper
from mathmill.launcher.launcher import JobSpec, JobState
from mathmill.launcher.local import LocalLauncher


def _job(started: float, ended: float | None) -> JobTimes:
    return JobTimes(Path("x"), "run", "task", started, ended)


def test_busy_time_counts_overlaps_once_and_gaps_not_at_all() -> None:
    assert busy_seconds([]) == 0
    assert busy_seconds([_job(0, 10), _job(5, 8), _job(9, 12), _job(20, 21), _job(30, None)]) == 13


@pytest.mark.parametrize(
    ("log", "news"),
    [
        ("", ""),
        ("WARNING: Using incubator modules: jdk.incubator.vector\n", ""),
        ("WARNING: Using incubator modules: jdk.incubator.vector\n  stage 3\n\n", "stage 3"),
    ],
)
def test_what_java_says_at_its_start_is_no_news(tmp_path: Path, log: str, news: str) -> None:
    (tmp_path / wrapper.LOG).write_text(log, encoding="utf-8")
    assert JobTimes(tmp_path, "run", "task", 0.0, None).news() == news


def test_a_job_is_found_with_its_times_and_last_lines() -> None:
    before = time.time()
    launcher = LocalLauncher(home() / "jobs")
    environment = {"AIRFLOW_CTX_DAG_RUN_ID": "run", "AIRFLOW_CTX_TASK_ID": "task"}
    command = [sys.executable, "-c", r"print('one\n\ntwo'); print('10%\r20%', end='')"]
    launcher.submit(JobSpec(command, environment), "key")
    while (status := launcher.find("key")) is not None and status.state is JobState.RUNNING:
        time.sleep(0.02)
    (job,) = jobs_since(before - 1)
    assert (job.dag_run_id, job.task_id) == ("run", "task")
    assert job.ended is not None
    assert before - 1 < job.started <= job.ended <= time.time()
    assert job.last_lines(3) == ["two", "10%", "20%"]
    assert job.news() == "20%"
    assert jobs_since(time.time() + 1) == []


def test_a_job_that_was_submitted_a_moment_ago_has_no_news(tmp_path: Path) -> None:
    assert JobTimes(tmp_path, "run", "annotate", 0.0, None).news() == ""
