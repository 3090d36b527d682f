"""What is to be drawn for an evaluation, portion by portion, and the files that portions are kept in."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, Self

from mathmill.errors import UserError
from mathmill.evaluation.models import EvaluatedModel
from mathmill.evaluation.prompts import recipe_few_shot
from mathmill.evaluation.tasks import Task
from mathmill.output import write_text
from mathmill.questions import Question, load_questions
from mathmill.questions.digest import questions_digest
from mathmill.recipe import Recipe
from mathmill.recipe_questions import SolutionFormat
from mathmill.recipe_tasks import FewShotRecipe
from mathmill.recipe_types import Section
from mathmill.rollout.engine import Completion

PLAN = "plan.json"


class DrawingPlan(Section):
    """What is to be drawn; a file that every process reads."""

    recipe: Recipe
    models: list[EvaluatedModel]
    tasks: list[Task]
    questions: list[str]
    """Of each task, the SHA-256 of its questions."""
    form: SolutionFormat
    few_shot: FewShotRecipe | None
    """What base models are shown where a task has no examples of that form; None if that is nowhere so."""
    samples: int
    reward: Path | None
    """Folder of the reward model under which answers are sought; None without a search."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """One completion, as judging needs it."""

    text: str
    finish_reason: Literal["stop", "length"]
    tokens: int

    @classmethod
    def of(cls, completion: Completion) -> Self:
        """What is kept of a completion."""
        return cls(completion.text, completion.finish_reason, len(completion.token_ids))


@dataclass(frozen=True, slots=True)
class DrawnQuestion:
    """The completions of one question."""

    prompt: str
    completions: list[Drawn]


@dataclass(frozen=True, slots=True)
class Portion:
    """Some questions of a task that are drawn in one go."""

    number: int
    """Among all portions of all models."""
    model: int
    task: int
    start: int
    """Index of its first question."""

    def path(self, folder: Path) -> Path:
        """Its file."""
        return folder / f"{self.model}-{self.task}-{self.start}.json"


def plan_drawing(
    recipe: Recipe,
    models: Sequence[EvaluatedModel],
    tasks: Sequence[Task],
    *,
    form: SolutionFormat,
    samples: int,
    reward: Path | None,
) -> tuple[DrawingPlan, list[list[Question]]]:
    """The plan, and the questions of each of its tasks.

    Raises:
        UserError: a question set cannot be read.
    """
    questions = [load_questions(task.source) for task in tasks]
    for task, asked in zip(tasks, questions, strict=True):
        if not asked:
            raise UserError(f"task '{task.name}' has no questions")
    plan = DrawingPlan(
        recipe=recipe,
        models=list(models),
        tasks=list(tasks),
        questions=[questions_digest(asked) for asked in questions],
        form=form,
        few_shot=recipe_few_shot(recipe, form) if _lacks_examples(models, tasks, form) else None,
        samples=samples,
        reward=reward,
    )
    return plan, questions


def _lacks_examples(models: Sequence[EvaluatedModel], tasks: Sequence[Task], form: SolutionFormat) -> bool:
    any_base = any(not model.tuned for model in models)
    return any_base and any(form not in task.recipe.few_shot for task in tasks)


def portions(plan: DrawingPlan, questions: Sequence[Sequence[Question]]) -> list[Portion]:
    """The work in portions, model after model."""
    places = [
        (model, task, start)
        for model in range(len(plan.models))
        for task, asked in enumerate(questions)
        for start in range(0, len(asked), portion_size(plan))
    ]
    return [Portion(number, *place) for number, place in enumerate(places)]


def portion_size(plan: DrawingPlan) -> int:
    """Questions of a portion."""
    search = plan.recipe.evaluation.search
    return prompts_at_a_time(plan.recipe, search.rows if search else plan.samples)


def prompts_at_a_time(recipe: Recipe, samples: int) -> int:
    """Prompts with so many completions each that the engine's batch stays full, and few enough that progress shows."""
    return max(1, 4 * recipe.evaluation.batch // samples)


def chosen_samples(recipe: Recipe, given: int | None) -> int:
    """Completions a prompt: those of `--samples`, else the recipe's.

    Raises:
        UserError: they would all be the same.
    """
    samples = given or recipe.evaluation.samples
    if samples > 1 and recipe.evaluation.sampling.temperature == 0:
        raise UserError(
            f"--samples {samples} at temperature 0 are all the same: add --set evaluation.sampling.temperature=0.7"
        )
    return samples


def write_portion(path: Path, rows: Sequence[DrawnQuestion]) -> None:
    """Keep a portion, whole or not at all."""
    write_text(path, json.dumps([asdict(row) for row in rows], ensure_ascii=False))


def read_portion(path: Path) -> list[DrawnQuestion]:
    """The questions of a portion, in their order."""
    rows = json.loads(path.read_text(encoding="utf-8"))
    return [DrawnQuestion(row["prompt"], [Drawn(**one) for one in row["completions"]]) for row in rows]


def write_plan(plan: DrawingPlan, folder: Path) -> None:
    """Leave the plan in `folder` for the processes that draw.

    Raises:
        UserError: portions of other questions lie there.
    """
    if (folder / PLAN).is_file():
        before = read_plan(folder).questions
        for task, old, new in zip(plan.tasks, before, plan.questions, strict=True):
            if old != new:
                raise UserError(
                    f"the questions of task '{task.name}' have changed since {folder.parent} was begun:"
                    " choose another --out or remove it"
                )
    write_text(folder / PLAN, plan.model_dump_json())


def read_plan(folder: Path) -> DrawingPlan:
    """The plan in `folder`."""
    return DrawingPlan.model_validate_json((folder / PLAN).read_bytes())
