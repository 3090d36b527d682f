"""Reading an evaluation task by its name or path."""

from pathlib import Path

from mathmill.errors import UserError
from mathmill.home import CHECKOUT
from mathmill.recipe_questions import FileSource, HuggingFaceSource, ReasoningGymSource
from mathmill.recipe_tasks import TaskRecipe
from mathmill.section_file import read_mapping, validate

TASKS = CHECKOUT / "tasks"


def load_task(reference: str) -> TaskRecipe:
    """Read and validate a task; the `few_shot` of the task that it names is filled in.

    Args:
        reference: a path that ends in `.yaml`, or the name of a file in `tasks/` without its suffix.

    Raises:
        UserError: one line with file, key and mend.
    """
    path = task_path(reference)
    task = validate(TaskRecipe, read_mapping(path, "a task"), str(path))
    if task.few_shot_of is None:
        return task
    other_path = task_path(task.few_shot_of)
    other = validate(TaskRecipe, read_mapping(other_path, "a task"), str(other_path))
    if other.few_shot_of is not None:
        raise UserError(
            f"{path}: few_shot_of names '{task.few_shot_of}', which has '{other.few_shot_of}': name that one"
        )
    return task.model_copy(update={"few_shot": other.few_shot, "few_shot_of": None})


def task_path(reference: str) -> Path:
    """The file that `reference`, a path or a name, stands for.

    Raises:
        UserError: there is none; the message lists the names there are.
    """
    path = Path(reference) if reference.endswith(".yaml") else TASKS / f"{reference}.yaml"
    if not path.is_file():
        raise UserError(f"no task '{reference}': give a path that ends in .yaml, or one of {', '.join(task_names())}")
    return path


def task_names() -> list[str]:
    """The names of the tasks in `tasks/`, sorted."""
    return sorted(path.stem for path in TASKS.glob("*.yaml"))


def task_source(
    task: TaskRecipe, name: str, data: str | None, limit: int | None
) -> ReasoningGymSource | HuggingFaceSource | FileSource:
    """Where the task's questions are.

    Args:
        task: called `name`.
        name: for messages.
        data: folder of published sets that they are to be read from; None: the task's own source.
        limit: questions taken; None: all that the source has.

    Raises:
        UserError: the task has no file below `data`.
    """
    source: ReasoningGymSource | HuggingFaceSource | FileSource = task.source
    if data is not None:
        if task.file is None:
            raise UserError(f"task '{name}' names no `file` below {data}: add it to the task, or do without the folder")
        published = "question" if isinstance(source, ReasoningGymSource) else source.layout
        source = FileSource(kind="file", path=str(Path(data) / task.file), layout=task.file_layout or published)
    if limit is None:
        return source
    size = "size" if isinstance(source, ReasoningGymSource) else "limit"
    most = getattr(source, size)
    return source.model_copy(update={size: limit if most is None else min(limit, most)})
