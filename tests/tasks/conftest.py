"""The tasks of the project, read once."""

import pytest

from mathmill.recipe_tasks import TaskRecipe
from mathmill.task_file import load_task, task_names


@pytest.fixture(scope="session")
def tasks() -> dict[str, TaskRecipe]:
    return {name: load_task(name) for name in task_names()}
