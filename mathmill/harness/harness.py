"""Measure models on tasks of lm-evaluation-harness: MMLU, BBH, HumanEval, MBPP, and all others it has or is given."""

import argparse
import logging
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from mathmill.errors import UserError
from mathmill.evaluation.models import EvaluatedModel, choose_models, load_network
from mathmill.harness.code_eval import check_confined, confined_code_eval
from mathmill.harness.report import Measure, Sample, log_report, read_measures, read_samples, write_report
from mathmill.job import Figures, Job, job_parser, run_job
from mathmill.recipe import Recipe

log = logging.getLogger("mathmill")


def load_tasks(names: Sequence[str], include: Path | None) -> list[Any]:
    """The harness's tasks and groups of tasks of these names, with their data.

    Args:
        names: of tasks or groups; a tag stands for its tasks.
        include: folder of more task files.

    Raises:
        UserError: there is no such task or folder, its data cannot be had, or it would run programs unconfined.
    """
    from datasets.exceptions import DatasetsError
    from jinja2 import TemplateError
    from lm_eval.tasks import TaskManager
    from yaml import YAMLError

    if include is not None and not include.is_dir():
        raise UserError(f"--include {include} is no folder: name the one that your task files lie in")
    manager = TaskManager(include_path=include)
    for name in names:
        if name not in manager.task_index:
            close = get_close_matches(name, manager.all_tasks)
            hint = f": did you mean {' or '.join(close)}?" if close else ""
            raise UserError(f"--tasks {name}: lm-evaluation-harness has no such task{hint}")
    try:
        loaded = manager.load(list(names))
    except (OSError, DatasetsError) as error:
        raise UserError(
            f"--tasks {','.join(names)}: the data cannot be had ({_line(error)}): see that the hub can be reached, or"
            " write a task file on local data and name its folder with --include"
        ) from error
    except (AssertionError, ImportError, LookupError, TypeError, ValueError, TemplateError, YAMLError) as error:
        raise UserError(
            f"--tasks {','.join(names)}: lm-evaluation-harness cannot make the tasks ({type(error).__name__}:"
            f" {_line(error)}): see its guide to task files"
        ) from error
    check_confined(loaded["tasks"])
    members = {member for group in loaded["group_map"].values() for member in group}
    known = {**loaded["tasks"], **loaded["groups"]}
    return [one for name, one in known.items() if name not in members]


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def measure(
    model: EvaluatedModel, tasks: Sequence[Any], *, recipe: Recipe, limit: int | None, shots: int | None, chat: bool
) -> tuple[list[Measure], list[Sample]]:
    """The figures of one model on all tasks, and what it said to each of their questions.

    Args:
        model: to be asked.
        tasks: of `load_tasks`.
        recipe: says how many completions are drawn at a time, and the seed.
        limit: questions of each task, the first ones; None for all.
        shots: solved examples before each question; None for each task's own number.
        chat: whether questions and examples are put as turns of a conversation.
    """
    from lm_eval.evaluator import simple_evaluate

    from mathmill.harness.model import HarnessModel

    network, tokenizer = load_network(model)
    if chat and tokenizer.chat_template is None:
        raise UserError(f"--chat: the tokenizer in {model.path} has no chat template: leave --chat out")
    told = simple_evaluate(
        HarnessModel(network, tokenizer, batch=recipe.evaluation.batch, seed=recipe.seed),
        tasks=list(tasks),
        num_fewshot=shots,
        limit=limit,
        apply_chat_template=chat,
        # What says of itself that it is unsafe has passed `check_confined`.
        confirm_run_unsafe_code=True,
    )
    return read_measures(model, told), read_samples(model, told)


def harness(job: Job, arguments: argparse.Namespace) -> Figures:
    """The job's body."""
    for option, value, least in (("limit", arguments.limit, 1), ("shots", arguments.shots, 0)):
        if value is not None and value < least:
            raise UserError(f"--{option} {value}: give {least} or more")
    models = choose_models(job.recipe, arguments.model)
    measures: list[Measure] = []
    samples: list[Sample] = []
    with confined_code_eval(job.recipe.sandbox):
        tasks = load_tasks(arguments.tasks.split(","), arguments.include)
        for model in models:
            log.info("%s: %s", model.label, arguments.tasks)
            new_measures, new_samples = measure(
                model,
                tasks,
                recipe=job.recipe,
                limit=arguments.limit,
                shots=arguments.shots,
                chat=arguments.chat,
            )
            measures += new_measures
            samples += new_samples
    write_report(job.out, measures, samples)
    return log_report(job, measures, samples)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job; see `--help`."""
    parser = job_parser(__doc__, stage="harness")
    parser.add_argument("--model", type=Path, nargs="+", required=True, metavar="DIR", help="model folders")
    parser.add_argument("--tasks", required=True, metavar="A,B", help="names of the harness's tasks or groups of tasks")
    parser.add_argument("--include", type=Path, metavar="DIR", help="folder of task files of your own (default: none)")
    parser.add_argument("--limit", type=int, metavar="N", help="questions of each task, the first N (default: all)")
    parser.add_argument("--shots", type=int, metavar="N", help="solved examples before each (default: the task's own)")
    parser.add_argument(
        "--chat", action="store_true", help="ask in turns of a conversation, by the model's chat template"
    )
    arguments = parser.parse_args(argv)
    return run_job("harness", arguments, lambda job: harness(job, arguments))


if __name__ == "__main__":
    sys.exit(main())
