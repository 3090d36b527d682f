"""A job skips finished output, ends with the agreed exit codes and is recorded however it ends."""

import argparse
import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow.entities import Run

from mathmill.errors import UserError
from mathmill.home import outputs
from mathmill.job import REUSE, Figures, Job, exit_code, job_parser, run_job
from mathmill.job_record import JobRecord
from mathmill.output import is_finished, partial_path
from mathmill.recipe_file import load_recipe
from mathmill.reuse.reads import Reads
from mathmill.reuse.take_over import SAME
from mathmill.tracking.server import tracking_client
from mathmill.tracking.task_run import NoRun


def _arguments(out: Path, *more: str) -> argparse.Namespace:
    parser = job_parser("a job")
    parser.add_argument("--pages", default="p")
    return parser.parse_args(["--recipe", "demo", "--out", str(out), *more])


def _body(job: Job) -> Figures:
    (job.out / "data").write_text("x", encoding="utf-8")
    return {"pages": 3, "rate": 0.5, "best": "a"}


def _raising(error: BaseException) -> Callable[[Job], Figures]:
    def body(job: Job) -> Figures:
        (job.out / "data").write_text("half", encoding="utf-8")
        raise error

    return body


def _never(job: Job) -> Figures:
    pytest.fail(f"{job.stage} must not run")


def _runs() -> list[Run]:
    client = tracking_client()
    experiment = client.get_experiment_by_name("demo")
    return client.search_runs([experiment.experiment_id], order_by=["start_time ASC"]) if experiment else []


def test_a_finished_job_leaves_its_output_its_record_and_its_run(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run_job("dedup", _arguments(out), _body) == 0
    assert is_finished(out)
    assert sorted(path.name for path in out.iterdir()) == ["_SUCCESS", "data", "job.json"]
    record = JobRecord.read(out)
    assert (record.stage, record.recipe, record.arguments) == ("dedup", "demo", {"pages": "p"})
    assert record.figures == {"pages": 3, "rate": 0.5, "best": "a"}
    (run,) = _runs()
    assert (run.info.run_id, run.info.run_name, run.info.status) == (record.mlflow_run_id, "dedup", "FINISHED")
    assert run.info.experiment_id == record.mlflow_experiment_id
    assert run.data.metrics == {"pages": 3, "rate": 0.5, "seconds": pytest.approx(record.seconds, abs=1e-3)}
    assert run.data.params["pages"] == "p"


def test_finished_output_is_skipped(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_job("dedup", _arguments(out), _body)
    assert run_job("dedup", _arguments(out), _never) == 0
    assert len(_runs()) == 1


@pytest.mark.parametrize("change", [["--pages", "q"], ["--set", "seed=99"]])
def test_finished_output_of_other_inputs_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: list[str]
) -> None:
    out = tmp_path / "out"
    run_job("dedup", _arguments(out), _body)
    capsys.readouterr()
    assert run_job("dedup", _arguments(out, *change), _never) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert str(out) in message
    assert "--out" in message


def test_finished_output_that_no_job_made_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "_SUCCESS").touch()
    assert run_job("dedup", _arguments(out), _never) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code", "line", "status"),
    [
        (UserError("pages.parquet has no column `text`"), 2, "mathmill: error: pages.parquet has no column", "FAILED"),
        (KeyboardInterrupt(), 130, "mathmill: interrupted", "KILLED"),
    ],
)
def test_a_job_that_ends_early_says_so_in_one_line_and_in_its_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], error: BaseException, code: int, line: str, status: str
) -> None:
    run_job("warm-up", _arguments(tmp_path / "other"), _body)
    capsys.readouterr()
    out = tmp_path / "out"
    assert run_job("dedup", _arguments(out), _raising(error)) == code
    message = capsys.readouterr().err
    assert message.startswith(line)
    assert message.count("\n") == 1
    assert not out.exists()
    assert _runs()[-1].info.status == status


def test_a_crash_keeps_its_traceback_and_fails_its_run(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        run_job("dedup", _arguments(tmp_path / "out"), _raising(ZeroDivisionError()))
    assert [run.info.status for run in _runs()] == ["FAILED"]
    assert not (tmp_path / "out").exists()


def test_a_bad_recipe_makes_neither_run_nor_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_job("dedup", _arguments(tmp_path / "out", "--set", "corpsu=1"), _never) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert _runs() == []
    assert not partial_path(tmp_path / "out").exists()


def test_another_try_starts_from_nothing_with_a_run_of_its_own(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_job("dedup", _arguments(out), _raising(UserError("x")))

    def body(job: Job) -> Figures:
        assert not (job.out / "data").exists()
        return {}

    assert run_job("dedup", _arguments(out), body) == 0
    assert [run.info.status for run in _runs()] == ["FAILED", "FINISHED"]


def test_a_resumed_job_goes_on_with_its_files_and_its_run(tmp_path: Path) -> None:
    out = tmp_path / "out"

    def first(job: Job) -> Figures:
        job.run.log_metrics({"loss": 2.0}, step=1)
        (job.out / "checkpoint").write_text("1")
        raise KeyboardInterrupt

    def second(job: Job) -> Figures:
        assert (job.out / "checkpoint").read_text() == "1"
        job.run.log_metrics({"loss": 1.0}, step=2)
        return {}

    assert run_job("pretrain", _arguments(out), first, resume=True) == 130
    assert run_job("pretrain", _arguments(out), second, resume=True) == 0
    (run,) = _runs()
    assert run.info.status == "FINISHED"
    history = tracking_client().get_metric_history(run.info.run_id, "loss")
    assert [(one.step, one.value) for one in history] == [(1, 2.0), (2, 1.0)]


@pytest.mark.parametrize("change", [["--pages", "q"], ["--set", "seed=99"]])
def test_a_job_is_not_resumed_with_other_inputs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: list[str]
) -> None:
    out = tmp_path / "out"
    run_job("pretrain", _arguments(out), _raising(KeyboardInterrupt()), resume=True)
    capsys.readouterr()
    assert run_job("pretrain", _arguments(out, *change), _never, resume=True) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert str(partial_path(out)) in message
    assert (partial_path(out) / "data").read_text() == "half"


def test_a_try_that_left_no_work_binds_the_next_to_nothing(tmp_path: Path) -> None:
    """Such as one whose input was mistyped."""
    out = tmp_path / "out"

    def mistaken(_job: Job) -> Figures:
        raise UserError("no such file")

    assert run_job("ingest", _arguments(out, "--pages", "typo"), mistaken, resume=True) == 2
    assert run_job("ingest", _arguments(out), _body, resume=True) == 0
    assert JobRecord.read(out).arguments == {"pages": "p"}
    assert [run.info.status for run in _runs()] == ["FAILED", "FINISHED"]


def test_a_job_resumes_where_its_interrupted_run_is_not_known(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_job("pretrain", _arguments(out), _raising(KeyboardInterrupt()), resume=True)
    tracking_client().delete_run(_runs()[0].info.run_id)
    assert run_job("pretrain", _arguments(out), _body, resume=True) == 0
    assert [run.info.status for run in _runs()] == ["FINISHED"]


def test_other_ranks_write_no_output_and_log_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    out = tmp_path / "out"
    seen: list[Job] = []

    def body(job: Job) -> Figures:
        seen.append(job)
        job.run.log_metrics({"loss": 1.0})
        return {}

    assert run_job("pretrain", _arguments(out), body) == 0
    assert isinstance(seen[0].run, NoRun)
    assert (seen[0].out, seen[0].final) == (partial_path(out), out)
    assert not out.exists()
    assert _runs() == []


def test_without_out_a_job_makes_a_new_run_folder_in_the_home() -> None:
    arguments = job_parser("a job", stage="base").parse_args(["--recipe", "demo"])
    assert run_job("pretrain", arguments, _body) == 0
    (folder,) = outputs("demo", "base").iterdir()
    assert is_finished(folder)


def test_warm_up_starts_at_once_and_its_error_is_the_bodys_to_meet(tmp_path: Path) -> None:
    warmed: list[str] = []

    def warm_up(recipe: object) -> None:
        warmed.append("x")
        raise ValueError(recipe)

    assert run_job("dedup", _arguments(tmp_path / "out"), _body, warm_up=warm_up) == 0
    assert warmed == ["x"]


def test_a_login_in_an_argument_is_neither_recorded_nor_logged(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_job("dedup", _arguments(out, "--pages", "https://me:s3cr3t@host/pages"), _body)
    assert "s3cr3t" not in (out / "job.json").read_text()
    assert JobRecord.read(out).arguments == {"pages": "https://host/pages"}
    assert "s3cr3t" not in json.dumps(_runs()[0].to_dictionary())


@pytest.mark.parametrize("words", [[], ["--out"], ["--out", "x", "--unknown"], ["--rec", "demo", "--out", "x"]])
def test_a_mistake_in_the_arguments_is_one_line(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        job_parser("a job").parse_args(words)
    assert end.value.code == 2
    message = capsys.readouterr().err
    assert message.startswith("mathmill: error: ")
    assert message.count("\n") == 1


def test_exit_codes() -> None:
    def user_error() -> None:
        raise UserError("x")

    def interrupt() -> None:
        raise KeyboardInterrupt

    assert [exit_code(action) for action in (lambda: None, lambda: 1, user_error, interrupt)] == [0, 1, 2, 130]


def test_a_terminated_job_ends_as_an_interrupted_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def terminate(_job: Job) -> Figures:
        signal.raise_signal(signal.SIGTERM)
        return {}

    before = signal.getsignal(signal.SIGTERM)
    assert run_job("dedup", _arguments(tmp_path / "out"), terminate) == 130
    assert capsys.readouterr().err == "mathmill: interrupted\n"
    assert [run.info.status for run in _runs()] == ["KILLED"]
    assert signal.getsignal(signal.SIGTERM) == before


def _reading(job: Job) -> Figures:
    (job.out / "data").write_text(str(job.recipe.seed), encoding="utf-8")
    return {"seed": job.recipe.seed}


def _reusable(out: Path, *more: str) -> argparse.Namespace:
    return job_parser("a job", reusable=True).parse_args(["--recipe", "demo", "--out", str(out), *more])


def test_a_job_takes_over_what_an_earlier_one_made_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs, reads = tmp_path / "runs", Reads(("seed",))
    first, second, third = (runs / name / "dedup" for name in ("1", "2", "3"))
    assert run_job("dedup", _reusable(first), _reading, reads=reads) == 0
    asked = ["--reuse", str(runs), "--set", "corpus.min_score=0.9"]
    assert run_job("dedup", _reusable(second, *asked), _never, reads=reads) == 0
    assert f"dedup: taken over from {first}: {SAME}" in capsys.readouterr().err
    record = JobRecord.read(second)
    assert (record.taken_over, record.figures) == (str(first), {"seed": load_recipe("demo").seed})
    assert (second / "data").samefile(first / "data")
    assert run_job("dedup", _reusable(third, "--reuse", str(runs), "--set", "seed=77"), _reading, reads=reads) == 0
    assert JobRecord.read(third).made_because == f"since 2/dedup: seed is 77, was {load_recipe('demo').seed}"
    tags = [run.data.tags.get(REUSE) for run in _runs()]
    assert tags == [None, f"taken over from {first}: {SAME}", f"made: {JobRecord.read(third).made_because}"]


def test_a_job_that_reads_a_key_it_does_not_declare_fails(tmp_path: Path) -> None:
    with pytest.raises(AttributeError, match="seed"):
        run_job("dedup", _reusable(tmp_path / "out"), _reading, reads=Reads(("corpus",)))
