"""Completions of every model on every question, drawn by one process or several and kept portion by portion.

A portion is a file, written once and whole, so that a job that was killed draws none a second time. What is drawn for a
question depends on neither its portion nor its process (`mathmill.rollout.engine.Engine`).
"""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from mathmill.errors import UserError
from mathmill.evaluation.drawing_plan import (
    DrawingPlan,
    Drawn,
    DrawnQuestion,
    portion_size,
    portions,
    read_plan,
    read_portion,
    write_plan,
    write_portion,
)
from mathmill.evaluation.models import EvaluatedModel, load_model
from mathmill.evaluation.prompting import Programs
from mathmill.evaluation.prompts import Prompts, few_shot_for
from mathmill.evaluation.tasks import Task
from mathmill.evaluation.verification import Verifier
from mathmill.job import exit_code
from mathmill.parent_death import die_with
from mathmill.progress import progress
from mathmill.questions import Question, load_questions
from mathmill.rollout.engine import Engine

if TYPE_CHECKING:
    from mathmill.rollout.search import Search

log = logging.getLogger("mathmill")

POLL_SECONDS = 0.2


def draw(
    plan: DrawingPlan, questions: Sequence[Sequence[Question]], folder: Path, verifier: Verifier | None
) -> list[list[list[DrawnQuestion]]]:
    """Draw what is not in `folder` yet.

    Args:
        plan: what to draw.
        questions: of each task of the plan.
        folder: where portions are kept.
        verifier: the reward model under which answers are sought, if any are.

    Returns:
        The completions by model, task and question.

    Raises:
        UserError: `folder` has portions of other questions.
    """
    folder.mkdir(exist_ok=True)
    write_plan(plan, folder)
    with _other_shards(plan.recipe.evaluation.processes, folder):
        draw_shard(plan, questions, folder, shard=0, verifier=verifier)
    drawn: list[list[list[DrawnQuestion]]] = [[[] for _ in plan.tasks] for _ in plan.models]
    for portion in portions(plan, questions):
        drawn[portion.model][portion.task] += read_portion(portion.path(folder))
    return drawn


def draw_shard(
    plan: DrawingPlan,
    questions: Sequence[Sequence[Question]],
    folder: Path,
    *,
    shard: int,
    verifier: Verifier | None,
) -> None:
    """Draw the missing ones of every `evaluation.processes`-th portion, from that of number `shard` on."""
    shards = plan.recipe.evaluation.processes
    mine = [portion for portion in portions(plan, questions) if portion.number % shards == shard]
    missing = [portion for portion in mine if not portion.path(folder).is_file()]
    done = len(mine) - len(missing)
    if done:
        log.info("%d of %d portions had been drawn before", done, len(mine))
    if not missing:
        return
    with ExitStack() as stack:
        programs = Programs.of(plan.form, plan.recipe, stack)
        drawer: _Drawer | None = None
        for portion in progress(missing, total=len(mine), unit="portions", start=done):
            model = plan.models[portion.model]
            if drawer is None or drawer.model != model:
                drawer = None  # its memory is wanted for the next one
                drawer = _Drawer.of(plan, model, programs, shard, verifier)
            asked = questions[portion.task][portion.start : portion.start + portion_size(plan)]
            write_portion(portion.path(folder), drawer.draw(plan.tasks[portion.task], asked))


@dataclass(frozen=True, slots=True)
class _Drawer:
    """A loaded model with all it needs to draw."""

    plan: DrawingPlan
    model: EvaluatedModel
    engine: Engine
    tokenizer: Any
    programs: Programs
    search: "Search | None"

    @classmethod
    def of(
        cls, plan: DrawingPlan, model: EvaluatedModel, programs: Programs, shard: int, verifier: Verifier | None
    ) -> Self:
        engine, tokenizer = load_model(model, plan.recipe, shard)
        engine = programs.engine(engine, tokenizer)
        search = None
        if plan.recipe.evaluation.search is not None and verifier is not None:
            from mathmill.rollout.search import Search

            search = Search(plan.recipe.evaluation.search, engine, tokenizer, verifier.model)
        return cls(plan, model, engine, tokenizer, programs, search)

    def draw(self, task: Task, questions: Sequence[Question]) -> list[DrawnQuestion]:
        recipe, form = self.plan.recipe, self.plan.form
        few_shot = few_shot_for(self.model, task, form, self.plan.few_shot)
        prompts = Prompts(self.tokenizer, recipe.prompt.suffix, form, few_shot)
        ids = [prompts.token_ids(question.question) for question in questions]
        sampling, seed, stop = recipe.evaluation.sampling, recipe.seed, prompts.stop
        if self.search is not None:
            groups = [[one] for one in self.search(questions, ids, sampling, seed=seed, stop=stop)]
        else:
            groups = self.engine.generate(ids, sampling, samples=self.plan.samples, seed=seed, stop=stop)
        groups = [self.programs.finished(group) for group in groups]
        return [
            DrawnQuestion(
                str(self.tokenizer.decode(prompt)),
                [Drawn.of(one) for one in group],
            )
            for prompt, group in zip(ids, groups, strict=True)
        ]


@contextmanager
def _other_shards(shards: int, folder: Path) -> Iterator[None]:
    """Run all shards but the first in processes of their own during the block, and wait for them at its end.

    Raises:
        UserError: one of them met a mistake of the user's, which it has told.
        RuntimeError: one of them failed.
    """
    threads = str(max(1, (os.cpu_count() or 1) // shards))
    command = [sys.executable, "-m", "mathmill.evaluation.drawing", str(folder)]
    environment = os.environ | ({"OMP_NUM_THREADS": threads} if shards > 1 else {})
    arguments = [[str(shard), str(os.getpid())] for shard in range(1, shards)]
    processes = [subprocess.Popen([*command, *one], env=environment) for one in arguments]
    try:
        yield
        while any(process.poll() is None for process in processes):
            time.sleep(POLL_SECONDS)
        for shard, process in enumerate(processes, start=1):
            if process.returncode == 2:
                raise UserError(f"process {shard} of {shards} could not draw; its own message is above")
            if process.returncode:
                raise RuntimeError(f"process {shard} of {shards} ended with exit code {process.returncode}")
    finally:
        for process in processes:
            process.kill()
            process.wait()


def main(argv: Sequence[str]) -> int:
    """Draw the shard of the number `argv[1]` of the plan in the folder `argv[0]`, for the process `argv[2]`."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    folder, shard, parent = Path(argv[0]), int(argv[1]), int(argv[2])
    die_with(parent)

    def run() -> None:
        plan = read_plan(folder)
        questions = [load_questions(task.source) for task in plan.tasks]
        verifier = None if plan.reward is None else Verifier.load(plan.reward, plan.recipe)
        draw_shard(plan, questions, folder, shard=shard, verifier=verifier)

    return exit_code(run)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
