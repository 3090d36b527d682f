"""One stage's run, the same under `spark-submit`, `torchrun`, a shell and a test.

A job module has a `main(argv)` that declares its inputs with `job_parser` and hands a body to `run_job`. The body
writes into `job.out` and returns its figures; around it `run_job` reads the recipe, skips finished output, opens
the MLflow run, completes the output directory and turns user errors into one line and exit code 2.
"""

import argparse
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from typing_extensions import override

from mathmill import home
from mathmill.errors import UserError
from mathmill.job_record import RECORD, JobRecord
from mathmill.launcher import wrapper
from mathmill.launcher.launcher import MlflowRun
from mathmill.output import is_finished, output_directory, partial_path, write_text
from mathmill.recipe import Recipe
from mathmill.recipe_file import load_recipe
from mathmill.redaction import without_login
from mathmill.reuse.reads import Reads
from mathmill.reuse.take_over import NOT_ASKED, find_earlier, take_over
from mathmill.tracking.system_metrics import system_metrics
from mathmill.tracking.task_run import JOURNALS, NoRun, TaskRun, new_key, remove_other_journals, task_run

log = logging.getLogger("mathmill")

Figures = Mapping[str, float | int | str]
"""What a job reports of itself; the numbers become MLflow metrics."""

SHOWN = 30
"""Figures that are told in the log."""
REUSE = "mathmill.reuse"
"""Tag: the earlier output that was taken over, or that none was, and why."""
BEGUN = "begun.json"
"""In a partial folder: what its job was begun with, for the try that resumes it."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a body needs to know."""

    stage: str
    recipe: Recipe
    out: Path
    """The folder to write to: partial until the body returns."""
    final: Path
    """Where the output will stand when it is complete."""
    run: TaskRun
    """The MLflow run; on ranks other than the first one that logs nothing."""


class CommandParser(argparse.ArgumentParser):
    """A parser that answers a mistake in one line, without the usage."""

    @override
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"mathmill: error: {' '.join(message.split())}: see --help\n")


def positive(text: str) -> int:
    """The positive whole number that an option's value stands for.

    Raises:
        argparse.ArgumentTypeError: it is none; the parser tells of it with the option's name.
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 on")
    return int(text)


def job_parser(description: str | None, *, stage: str | None = None, reusable: bool = False) -> argparse.ArgumentParser:
    """A parser with what every job takes: `--recipe`, `--set` and `--out`.

    Args:
        description: the job module's docstring.
        stage: a folder name of the home (`mathmill.home`); with it `--out` defaults to a new run folder there.
        reusable: whether an earlier output may be taken over, where `--reuse` names the folder of such.
    """
    parser = CommandParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--recipe", default="deepseekmath-7b", help="name in recipes/ or path (default: %(default)s)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides", help="override a key of the recipe"
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=stage is None,
        help="output directory" + (f" (default: a new folder in the home's {stage}/)" if stage else ""),
    )
    if reusable:
        parser.add_argument(
            "--reuse",
            type=Path,
            metavar="RUNS",
            help="folder of earlier runs: what one of them made with the same code, settings and inputs is taken over",
        )
    parser.set_defaults(home_stage=stage)
    return parser


def run_job(
    stage: str,
    arguments: argparse.Namespace,
    body: Callable[[Job], Figures],
    *,
    resume: bool = False,
    warm_up: Callable[[Recipe], object] | None = None,
    reads: Reads | None = None,
) -> int:
    """Run `body` as the job `stage` and complete its output directory.

    Args:
        stage: name of the MLflow run.
        arguments: parsed by a `job_parser`.
        body: writes to `job.out` and returns its figures.
        resume: whether the body can go on from what an interrupted try left in `job.out`.
        warm_up: started at once, beside MLflow's own seconds of start-up; the body asks again for what it makes, and
            so meets its errors.
        reads: what the output hangs on, for a job whose parser is `reusable`; `body` sees no other keys of the recipe.

    Returns:
        The exit code: 0, 2 after a user error, 130 after Ctrl-C.
    """
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr, force=True)
    log.setLevel(logging.INFO)
    return exit_code(lambda: _run(stage, arguments, body, resume, warm_up, reads))


def exit_code(action: Callable[[], int | None]) -> int:
    """Run `action`; its exit code by mathmill's rules, with the one line for a user error already printed.

    A SIGTERM ends it as Ctrl-C does, so that whatever has it stopped finds its runs and processes closed.

    Returns:
        What `action` returned (None counts as 0), 2 after a user error, 130 after Ctrl-C.
    """
    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        return action() or 0
    except UserError as error:
        print(f"mathmill: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("mathmill: interrupted", file=sys.stderr)
        return 130
    finally:
        signal.signal(signal.SIGTERM, previous)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def is_main_rank() -> bool:
    """Whether this process is the first of its job, the one that writes and logs."""
    return os.environ.get("RANK", "0") == "0"


def _run(
    stage: str,
    arguments: argparse.Namespace,
    body: Callable[[Job], Figures],
    resume: bool,
    warm_up: Callable[[Recipe], object] | None,
    reads: Reads | None,
) -> None:
    recipe = load_recipe(arguments.recipe, arguments.overrides)
    out = output_path(arguments, recipe)
    given = _arguments(arguments)
    if is_finished(out):
        _check_same(out, recipe, given)
        log.info("%s: %s is finished already, nothing to do", stage, out)
        return
    if not is_main_rank():
        body(Job(stage, recipe, partial_path(out), out, NoRun()))
        return
    started = time.monotonic()
    fingerprint = reads.fingerprint(stage, recipe, arguments, _inputs(arguments)) if reads else None
    earlier = find_earlier(arguments.reuse, out, fingerprint) if fingerprint and arguments.reuse else NOT_ASKED
    if earlier.why:
        log.info("%s: %s", stage, earlier)
    if earlier.twin is not None:
        body, resume, warm_up = _taking_over(earlier.twin), False, None
    with ThreadPoolExecutor(1) as beside, output_directory(out, resume=resume) as partial:
        if warm_up is not None:
            beside.submit(warm_up, recipe)
        with _tracked(recipe, stage, partial, given, out) as run, system_metrics(run):
            if earlier.why:
                run.set_tags({REUSE: str(earlier)})
            figures = dict(body(Job(stage, reads.shown(recipe) if reads else recipe, partial, out, run)))
            seconds = time.monotonic() - started
            numbers = {name: value for name, value in figures.items() if not isinstance(value, str)}
            run.log_final({**numbers, "seconds": seconds})
        record = JobRecord(
            stage=stage,
            recipe=recipe.name,
            recipe_digest=recipe.digest(),
            arguments=given,
            figures=figures,
            seconds=round(seconds, 3),
            mlflow_run_id=run.run_id,
            mlflow_experiment_id=run.experiment_id,
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
            fingerprint=fingerprint,
            taken_over=str(earlier.twin) if earlier.twin else None,
            made_because="" if earlier.twin else earlier.why,
        )
        write_text(partial / RECORD, json.dumps(asdict(record), indent=2, ensure_ascii=False))
        (partial / BEGUN).unlink()
    log.info("%s: %s", stage, _first(figures))
    log.info("%s: finished %s in %.1f s", stage, out, seconds)


def _taking_over(twin: Path) -> Callable[[Job], Figures]:
    """The body of a job whose output is there already, as `twin`."""

    def body(job: Job) -> Figures:
        take_over(twin, job.out)
        return JobRecord.read(twin).figures

    return body


@contextmanager
def _tracked(recipe: Recipe, stage: str, partial: Path, given: Mapping[str, str], out: Path) -> Iterator[TaskRun]:
    """The MLflow run of this output; a resumed try goes on with the run of the interrupted one.

    Raises:
        UserError: the interrupted try had another recipe or other inputs, and left some of its work.
    """
    note = partial / BEGUN
    inputs = {"recipe_digest": recipe.digest(), "arguments": dict(given)}
    begun = json.loads(note.read_text(encoding="utf-8")) if note.is_file() else None
    if begun and any(begun[name] != value for name, value in inputs.items()):
        if any(path not in (note, partial / JOURNALS) for path in partial.iterdir()):
            raise UserError(
                f"{partial} was begun with another recipe or other inputs: choose another --out or remove it"
            )
        begun = None
    key = (begun or {}).get("mlflow_run_key") or new_key()
    write_text(note, json.dumps({**inputs, "mlflow_run_key": key}))
    params = {"recipe": recipe.name, "recipe_digest": recipe.digest(), "out": out, **given}
    journals = partial / JOURNALS
    with task_run(recipe, stage, params, key=key, journals=journals, known=_tell_launcher) as run:
        yield run
    remove_other_journals(journals, key)


def _tell_launcher(run: MlflowRun) -> None:
    """Leave the run's name in the folder of the launcher's job, if this is one, for those who watch it."""
    if folder := os.environ.get(wrapper.MARK):
        write_text(Path(folder) / wrapper.MLFLOW_RUN, json.dumps(asdict(run)))


def output_path(arguments: argparse.Namespace, recipe: Recipe) -> Path:
    """Where a job's output goes: `--out`, or a new folder of the stage in the home, named by the time of the call."""
    if arguments.out is not None:
        return Path(arguments.out).resolve()
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    return home.outputs(recipe.name, arguments.home_stage) / now


def _inputs(arguments: argparse.Namespace) -> dict[str, Any]:
    """The job's own inputs: what else than the recipe decides its output."""
    ours = {"recipe", "overrides", "out", "home_stage", "reuse"}
    return {name: value for name, value in sorted(vars(arguments).items()) if name not in ours}


def _arguments(arguments: argparse.Namespace) -> dict[str, str]:
    """The job's own inputs, as text."""
    return {name: without_login(str(value)) for name, value in _inputs(arguments).items()}


def _check_same(out: Path, recipe: Recipe, given: Mapping[str, str]) -> None:
    if not (out / RECORD).is_file():
        raise UserError(f"{out} is finished but has no {RECORD}, so no job made it: choose another --out or remove it")
    record = JobRecord.read(out)
    if record.recipe_digest != recipe.digest():
        raise UserError(f"{out} was made with another recipe or other overrides: choose another --out or remove it")
    if changed := sorted(name for name, value in given.items() if record.arguments.get(name) != value):
        raise UserError(
            f"{out} was made with --{changed[0]} {record.arguments.get(changed[0])}: choose another --out or remove it"
        )


def _first(figures: Figures) -> str:
    """The figures for a log, of very many the first ones."""
    shown = [f"{name} {_short(value)}" for name, value in figures.items()]
    more = [f"and {len(shown) - SHOWN} more in {RECORD}"] if len(shown) > SHOWN else []
    return ", ".join([*shown[:SHOWN], *more])


def _short(value: float | str) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else value
