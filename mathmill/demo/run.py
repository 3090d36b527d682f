"""`mathmill demo`: the whole chain, from web pages to a reinforced model, through Airflow on this machine.

Without options the pages are the documentation of installed Python packages, served and recorded on this machine. The
first positive pages are documentation too. Services that were not running are stopped at the end.
"""

import argparse
import logging
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mathmill.demo.crawl import Crawl, demo_crawl
from mathmill.demo.follow import follow_chain
from mathmill.demo.summary import summary
from mathmill.errors import UserError
from mathmill.job import CommandParser, exit_code
from mathmill.output import is_finished
from mathmill.recipe import Recipe
from mathmill.recipe_file import load_recipe
from mathmill.stack.airflow_api import AirflowApi, DagRun
from mathmill.stack.services import Stack, only_one, read_stack, stop_stack
from mathmill.stack.settings import USER, password
from mathmill.stack.up import start_stack
from mathmill.tracking.runs import dag_run_url

log = logging.getLogger("mathmill")

CHAIN = {
    "corpus_refresh": "corpus",
    "pretrain": "base",
    "instruct": "instruct",
    "reward": "reward",
    "reinforce": "rl",
    "evaluate": "evaluation",
}
"""The DAGs in the order in which each starts the next, and the stage of what each makes."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see `--help`."""
    parser = CommandParser(
        prog="mathmill demo",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--recipe", default="demo", help="name in recipes/ or path (default: %(default)s)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--input", nargs="+", metavar="FILE", help="WARC files, globs or warc.paths.gz to mine")
    where.add_argument("--crawl", metavar="CC-MAIN-…", help="a crawl of Common Crawl to mine, read over HTTPS")
    parser.add_argument("--files", type=int, metavar="N", help="read at most so many WARC files")
    parser.add_argument("--keep-up", action="store_true", help="leave the services running at the end")
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr, force=True)
    return exit_code(lambda: 1 if _demo(arguments) else 0)


def _demo(arguments: argparse.Namespace) -> list[DagRun]:
    """Run the chain and print what came of it; the runs that did not succeed."""
    recipe = load_recipe(arguments.recipe)
    with ThreadPoolExecutor(1) as aside, _services(keep_up=arguments.keep_up) as start:
        crawl = aside.submit(demo_crawl, recipe)
        stack = start()
        overrides = _overrides(arguments, crawl.result())
        return _run_chain(stack, recipe, {"recipe": _reference(arguments.recipe), "overrides": overrides})


def _run_chain(stack: Stack, recipe: Recipe, params: dict[str, Any]) -> list[DagRun]:
    airflow = AirflowApi.login(stack.ports)
    print(f"Airflow  {airflow.url}   user {USER}, password {password()}\nMLflow   {stack.ports.mlflow_url}")
    began, known = time.time(), []
    with _unpaused(airflow, list(CHAIN)):
        try:
            first = airflow.trigger(next(iter(CHAIN)), params)
            known.append(first)
            runs = follow_chain(airflow, first, list(CHAIN), known.append)
        except BaseException:
            print("\nstopping what runs …", file=sys.stderr)
            for run in known:
                if not airflow.refresh(run).finished:
                    airflow.fail(run)
            raise
    seconds = time.time() - began
    os.environ["MLFLOW_TRACKING_URI"] = stack.ports.mlflow_url
    outputs = {CHAIN[run.dag_id]: Path(plan["out"]) for run in runs if (plan := airflow.result(run, "prepare"))}
    finished = {stage: out for stage, out in outputs.items() if is_finished(out)}
    print(f"\n{summary(finished, began, seconds)}\n")
    for run in runs:
        print(f"  {run.dag_id:<16} {run.state:<8} {airflow.run_url(run)}")
        print(f"  {'':<16} {'':<8} {dag_run_url(recipe.name, run.dag_id, run.run_id)}")
    bad = [run for run in runs if run.state != "success"]
    if not bad and len(runs) < len(CHAIN):
        raise UserError(f"the chain ended after {runs[-1].dag_id}: see `mathmill status` for the services")
    return bad


@contextmanager
def _services(*, keep_up: bool) -> Iterator[Any]:
    """Yield what starts the services; at the end those that were not there before are stopped."""
    ran_before = (stack := read_stack()) is not None and not stack.missing()
    try:
        yield start_stack
    finally:
        if not keep_up and not ran_before:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            with only_one():
                stop_stack()
            print("\nthe services are stopped; `mathmill up` serves these pages again", file=sys.stderr)


@contextmanager
def _unpaused(airflow: AirflowApi, dag_ids: Sequence[str]) -> Iterator[None]:
    """Let the DAGs run inside the block, and pause those again that were paused."""
    paused = [dag_id for dag_id in dag_ids if airflow.pause(dag_id, paused=False)]
    try:
        yield
    finally:
        for dag_id in paused:
            airflow.pause(dag_id, paused=True)


def _overrides(arguments: argparse.Namespace, crawl: Crawl) -> dict[str, Any]:
    source = arguments.input or ([arguments.crawl] if arguments.crawl else [str(crawl.paths)])
    local = [str(Path(one).resolve()) if not arguments.crawl else one for one in source]
    files = {"corpus.files": arguments.files} if arguments.files else {}
    return {"corpus.input": local, "corpus.seed": str(crawl.seed), **files}


def _reference(recipe: str) -> str:
    """A recipe's name as it is; a path as the services, which work elsewhere, can read it."""
    return str(Path(recipe).resolve()) if Path(recipe).is_file() else recipe


if __name__ == "__main__":
    sys.exit(main())
