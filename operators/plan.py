"""What one DAG run makes, of what, and where: decided once by the task `prepare`, read by every other task."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from mathmill.recipe import Recipe
from mathmill.recipe_file import load_recipe

PREPARE = "prepare"
"""Id of the task that makes the plan."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The XCom of `prepare`."""

    recipe: str
    """The recipe's name in `recipes/`, or its path."""
    name: str
    """The name that the recipe gives itself."""
    overrides: dict[str, Any]
    """Keys of the recipe that this run changes."""
    out: str
    """The run's output directory."""
    inputs: dict[str, str] = field(default_factory=dict)
    """Paths of upstream outputs, by stage."""

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """The plan as a rendered template holds it."""
        return cls(**json.loads(text))

    def to_xcom(self) -> dict[str, object]:
        """The plan as plain values."""
        return asdict(self)

    def load(self) -> Recipe:
        """The recipe with its overrides."""
        return load_recipe(self.recipe, override_arguments(self.overrides))


def override_arguments(overrides: Mapping[str, Any]) -> list[str]:
    """`overrides` as `--set` takes them."""
    return [f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in overrides.items()]


PLAN = "{{ ti.xcom_pull(task_ids='" + PREPARE + "') | tojson }}"
"""Template of the whole plan."""

RUN_OUT = "{{ ti.xcom_pull(task_ids='" + PREPARE + "').out }}"
"""Template of the run's output directory."""

EARLIER_RUNS = "{{ '' if params.fresh else ti.xcom_pull(task_ids='" + PREPARE + "').out.rpartition('/')[0] }}"
"""Template of the folder of all runs of the same recipe and DAG; empty where the run is to make everything anew."""


def planned_input(stage: str) -> str:
    """Template of the path of the upstream output of `stage`."""
    return "{{ ti.xcom_pull(task_ids='" + PREPARE + "').inputs." + stage + " }}"
