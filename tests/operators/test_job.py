"""What the operators hand to the launcher, and how a job's failure reaches Airflow."""

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import RetryAction
from airflow.sdk.exceptions import TaskDeferralTimeout, TaskDeferred
from airflow.triggers.base import TaskSuccessEvent, TriggerEvent
from typing_extensions import override

from mathmill.errors import UserError
from mathmill.home import home
from mathmill.launcher.launcher import JobSpec, Resources
from mathmill.launcher.local import LocalLauncher
from mathmill.launcher.slurm import SlurmLauncher
from mathmill.output import partial_path
from mathmill.recipe_file import load_recipe
from operators.failures import RETRY_POLICY, failure
from operators.job import DeepSpeedJobOperator, JobOperator, job_key
from operators.launcher_hook import DEFAULT_CONNECTION, LauncherSettings
from operators.plan import Plan
from operators.trigger import JobTrigger
from tests.launcher.jobs import SLEEP, ended, members, running

PLAN = Plan("demo", "demo", {"seed": 3}, "/out")


class ScriptOperator(JobOperator):
    """Runs some lines of Python as its job."""

    def __init__(self, *, script: str, **kwargs: Any) -> None:
        super().__init__(task_id="work", plan=json.dumps(PLAN.to_xcom()), **kwargs)
        self.script = script

    @override
    def command(self, recipe: Any, arguments: list[str]) -> tuple[list[str], dict[str, str]]:
        return [sys.executable, "-S", "-c", self.script], {}


@pytest.fixture
def launcher() -> Any:
    """What the default connection, which is not there, stands for."""
    launcher = LocalLauncher(home() / "jobs")
    yield launcher
    launcher.cancel_all()


def _context(try_number: int = 1, max_tries: int = 2, retries: int = 2, *, fresh: bool = False) -> Any:
    ti = SimpleNamespace(
        dag_id="pretrain", task_id="work", run_id="first", map_index=-1, try_number=try_number, max_tries=max_tries
    )
    return {"ti": ti, "task": SimpleNamespace(retries=retries), "params": {"fresh": fresh}}


def _submit(operator: JobOperator, context: Any) -> str:
    """Hand over the job; its key."""
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(context)
    assert deferred.value.trigger.serialize()[1]["key"] == job_key(context)
    return job_key(context)


def test_a_job_gets_the_run_s_changes_and_the_task_s() -> None:
    operator = ScriptOperator(script="", out="/out/work", arguments=["--domains", "/d"], changes={"reinforce.steps": 2})
    assert operator.job_arguments(PLAN) == (
        ["--recipe", "demo", "--set", "seed=3", "--set", "reinforce.steps=2", "--out", "/out/work", "--domains", "/d"]
    )


def test_a_job_without_output_gets_the_options_that_have_a_value() -> None:
    operator = ScriptOperator(script="", out=None, options={"crown": "none", "by": ""})
    assert operator.job_arguments(PLAN) == ["--recipe", "demo", "--crown", "none"]


def test_a_retry_is_the_same_job_and_a_clear_a_new_one() -> None:
    assert job_key(_context(try_number=1, max_tries=2)) == job_key(_context(try_number=2, max_tries=2))
    assert job_key(_context(try_number=3, max_tries=4)) != job_key(_context(try_number=2, max_tries=2))


def test_a_retry_takes_up_the_job_that_runs(launcher: LocalLauncher) -> None:
    operator = ScriptOperator(script=SLEEP, out=None)
    key = _submit(operator, _context())
    running(launcher, key)
    (before,) = members(launcher, key)
    assert _submit(operator, _context(try_number=2)) == key
    assert members(launcher, key) == [before]
    assert launcher.folder(key).name == "1"


def test_a_clear_ends_the_job_before_it_begins_another(launcher: LocalLauncher) -> None:
    operator = ScriptOperator(script=SLEEP, out=None)
    first = _submit(operator, _context())
    running(launcher, first)
    second = _submit(operator, _context(try_number=2, max_tries=3))
    assert not launcher.find(first).live
    assert members(launcher, first) == []
    assert launcher.find(second).live


@pytest.mark.parametrize(
    ("fresh", "max_tries", "kept"),
    [(False, 3, True), (True, 3, False), (True, 2, True)],
    ids=["goes on", "begins anew", "fresh is for clears alone"],
)
def test_a_clear_goes_on_from_what_is_there_unless_told_to_begin_anew(
    fresh: bool, max_tries: int, kept: bool, tmp_path: Path, launcher: LocalLauncher
) -> None:
    checkpoint = partial_path(tmp_path / "model") / "checkpoints" / "latest"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.touch()
    operator = ScriptOperator(script="pass", out=str(tmp_path / "model"))
    _submit(operator, _context(try_number=2, max_tries=max_tries, fresh=fresh))
    assert checkpoint.is_file() is kept


def test_a_retry_of_a_fresh_generation_keeps_what_that_has_done(tmp_path: Path, launcher: LocalLauncher) -> None:
    operator = ScriptOperator(script="raise SystemExit(1)", out=str(tmp_path / "model"))
    key = _submit(operator, _context(try_number=2, max_tries=3, fresh=True))
    ended(launcher, key)
    checkpoint = partial_path(tmp_path / "model") / "latest"
    checkpoint.parent.mkdir()
    checkpoint.touch()
    _submit(operator, _context(try_number=3, max_tries=3, fresh=True))
    assert checkpoint.is_file()


@pytest.mark.parametrize(
    ("next_kwargs", "try_number", "lives"),
    [({"error": "Unknown"}, 1, True), ({"error": "Unknown"}, 3, False), ({"error": "Trigger timeout"}, 1, False)],
    ids=["another try follows", "the last try", "it took too long"],
)
def test_a_job_ends_with_its_task_s_last_try(
    next_kwargs: dict[str, str], try_number: int, lives: bool, launcher: LocalLauncher
) -> None:
    operator = ScriptOperator(script=SLEEP, out=None)
    key = _submit(operator, _context())
    running(launcher, key)
    with pytest.raises(Exception, match=next_kwargs["error"]) as raised:
        operator.resume_execution("__fail__", next_kwargs, _context(try_number))
    assert isinstance(raised.value, TaskDeferralTimeout) is (next_kwargs["error"] == "Trigger timeout")
    assert launcher.find(key).live is lives


def test_a_job_s_trigger_knows_the_deadline_of_the_run(launcher: LocalLauncher) -> None:
    late = Plan("demo", "demo", {"alerts.connection": "team", "alerts.deadline_hours": 2}, "/out")
    operator = ScriptOperator(script="pass", out=None)
    operator.plan = json.dumps(late.to_xcom())
    context = _context() | {"run_id": "first", "dag_run": SimpleNamespace(start_date=datetime(2026, 1, 1, tzinfo=UTC))}
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(context)
    deadline = deferred.value.trigger.serialize()[1]["deadline"]
    assert (deadline["connection"], deadline["at"]) == ("team", datetime(2026, 1, 1, 2, tzinfo=UTC).timestamp())


def test_a_killed_task_ends_its_job(launcher: LocalLauncher) -> None:
    operator = ScriptOperator(script=SLEEP, out=None)
    key = _submit(operator, _context())
    running(launcher, key)
    operator.on_kill()
    assert not launcher.find(key).live


def test_a_training_takes_the_pool_the_recipe_s_nodes_and_the_gpus_of_the_connection() -> None:
    operator = DeepSpeedJobOperator(task_id="pretrain", stage="pretrain", out="/out")
    recipe = load_recipe("demo", ["launch.nodes=2", "launch.processes=1"])
    assert operator.pool == "gpu"
    assert operator.job_resources(LauncherSettings("slurm", gpus=4), recipe) == Resources(nodes=2, gpus=4)
    assert operator.job_resources(LauncherSettings("local", gpus=4), recipe) == Resources(nodes=2, gpus=0)


@pytest.mark.parametrize(
    ("cause", "action"),
    [
        ("bad_input", RetryAction.FAIL),
        ("out_of_memory", RetryAction.FAIL),
        ("lost", RetryAction.RETRY),
        ("failed", RetryAction.DEFAULT),
    ],
)
def test_the_cause_decides_whether_another_try_can_help(cause: str, action: RetryAction) -> None:
    with pytest.raises(Exception, match="why") as raised:
        ScriptOperator(script="", out=None).resume_execution(
            "resume", {"event": {"cause": cause, "reason": "why"}}, _context()
        )
    assert RETRY_POLICY.evaluate(raised.value, 1, 3).action is action


def test_a_refused_connection_or_recipe_is_not_tried_again() -> None:
    assert RETRY_POLICY.evaluate(UserError("no such recipe"), 1, 3).action is RetryAction.FAIL


def test_out_of_memory_names_the_mend() -> None:
    assert "micro_batch" in str(failure("out_of_memory", "job x ran out of GPU memory"))


def _follow(launcher: LocalLauncher, script: str) -> TriggerEvent:
    launcher.submit(JobSpec([sys.executable, "-S", "-c", script], {}), "key")
    return asyncio.run(anext(_trigger().run()))


def _trigger() -> JobTrigger:
    return JobTrigger(DEFAULT_CONNECTION, "key", None)


def test_a_job_that_succeeds_ends_its_task(launcher: LocalLauncher) -> None:
    assert isinstance(_follow(launcher, "print('done')"), TaskSuccessEvent)


def test_a_job_s_own_word_is_the_reason_of_its_failure(launcher: LocalLauncher) -> None:
    event = _follow(launcher, "print('mathmill: error: no such file'); raise SystemExit(2)")
    assert event.payload == {"cause": "bad_input", "reason": "no such file"}


def test_a_job_that_says_nothing_is_named_with_its_log(launcher: LocalLauncher) -> None:
    event = _follow(launcher, "raise SystemExit(3)")
    assert event.payload["cause"] == "failed"
    assert "exit code 3" in event.payload["reason"]
    assert Path(event.payload["reason"].rpartition("its log: ")[2]).is_file()


def test_a_job_that_ran_out_of_gpu_memory_is_told_from_others(launcher: LocalLauncher) -> None:
    code = "raise SystemExit('torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.')"
    assert _follow(launcher, code).payload["cause"] == "out_of_memory"


def test_a_job_whose_processes_are_gone_is_lost(launcher: LocalLauncher) -> None:
    event = _follow(launcher, "import os; os.kill(os.getppid(), 9)")
    assert event.payload["cause"] == "lost"
    assert "its processes are gone" in event.payload["reason"]


def test_a_job_that_nobody_submitted_is_no_success() -> None:
    event = asyncio.run(anext(_trigger().run()))
    assert event.payload["cause"] == "lost"
    assert "not known" in event.payload["reason"]


def test_a_stopped_trigger_ends_its_job(launcher: LocalLauncher) -> None:
    launcher.submit(JobSpec([sys.executable, "-S", "-c", SLEEP], {}), "key")
    asyncio.run(_trigger().on_kill())
    assert not ended(launcher, "key").succeeded


def test_a_job_goes_where_its_operator_s_connection_says(
    tmp_path: Path, slurm_configuration: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_CONF", str(slurm_configuration))
    extra = {"launcher": "slurm", "folder": str(tmp_path / "jobs"), "partition": "main"}
    monkeypatch.setenv("AIRFLOW_CONN_CLUSTER", json.dumps({"conn_type": "mathmill_launcher", "extra": extra}))
    script = "import os; print('on', os.environ['SLURM_JOB_PARTITION'], os.environ['AIRFLOW_CTX_DAG_RUN_ID'])"
    key = _submit(ScriptOperator(script=script, out=None, launcher_conn_id="cluster"), _context())
    assert isinstance(asyncio.run(anext(JobTrigger("cluster", key, None).run())), TaskSuccessEvent)
    assert SlurmLauncher(tmp_path / "jobs").read_log(key, 0)[0] == "on main first\n"
