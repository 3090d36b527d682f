"""The question sets that models are evaluated on."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from mathmill.errors import UserError
from mathmill.grading.paper.rules import PAPER_RULES
from mathmill.recipe import Recipe
from mathmill.recipe_questions import FileSource, HuggingFaceSource, ReasoningGymSource, TaskSource
from mathmill.recipe_tasks import TaskRecipe
from mathmill.recipe_types import Section
from mathmill.task_file import load_task, task_names, task_source


class Task(Section):
    """A question set by the name that its figures have."""

    name: str
    recipe: TaskRecipe
    """How it is asked and judged; all defaults where a recipe names nothing but a source."""
    source: Annotated[ReasoningGymSource | HuggingFaceSource | FileSource, Field(discriminator="kind")]


def choose_tasks(recipe: Recipe, names: str | None, data: Path | None, limit: int | None = None) -> list[Task]:
    """The tasks to evaluate on.

    Args:
        recipe: has tasks of its own.
        names: some of them, or of the files in `tasks/`, or paths of such files, with commas between; all of the
            recipe's by default.
        data: folder of published question sets, which the files name theirs in. With it names are those of files.
        limit: questions of each, the first ones; all by default.

    Raises:
        UserError: no such task, or none at all.
    """
    own = recipe.evaluation.tasks
    if names is None and data is not None:
        raise UserError(f"--data needs --tasks: some of {', '.join(task_names())}")
    if names is None and not own:
        raise UserError(f"recipe '{recipe.name}' has no evaluation.tasks: add one, or give --tasks")
    chosen = []
    for name in list(own) if names is None else names.split(","):
        if name in own and data is None:
            source = own[name]
        else:
            if not name.endswith(".yaml") and name not in task_names():
                known = ", ".join([*own, *(one for one in task_names() if one not in own)])
                raise UserError(f"no task '{name}': there are {known}, and paths that end in .yaml")
            source = TaskSource(kind="task", task=name, data=None if data is None else str(data))
        chosen.append(_task(Path(name).stem if name.endswith(".yaml") else name, source, limit))
    return chosen


def _task(
    name: str, source: ReasoningGymSource | HuggingFaceSource | FileSource | TaskSource, limit: int | None
) -> Task:
    if not isinstance(source, TaskSource):
        recipe = TaskRecipe(source=source)
        return Task(name=name, recipe=recipe, source=task_source(recipe, name, None, limit))
    recipe = load_task(source.task)
    if recipe.rules not in PAPER_RULES:
        raise UserError(f"task '{name}' has no rules '{recipe.rules}': there are {', '.join(PAPER_RULES)}")
    limits = [one for one in (limit, source.limit) if one is not None]
    return Task(name=name, recipe=recipe, source=task_source(recipe, name, source.data, min(limits, default=None)))
