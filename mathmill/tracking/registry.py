"""The model registry: which version of a registered model stands in which folder, and which one is the champion."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mathmill.tracking.model_names import CHAMPION, MODEL_PATH, registered_name
from mathmill.tracking.server import tracking_client

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

ACCURACY = "mathmill.accuracy"
TASKS = "mathmill.tasks"
PROMOTED_BY = "mathmill.promoted_by"
SOURCE = "models:/"
"""Begins the source of a version of a logged model, whose id follows."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a registered model."""

    name: str
    number: str
    path: Path
    accuracy: float | None
    """Mean accuracy over the tasks when it became champion; None if it never did."""
    tasks: str
    """What the accuracy was measured on."""
    model_id: str
    """Of the logged model that it is a version of; empty if it is of none."""


def version_at(recipe_name: str, role: str, path: Path) -> Version | None:
    """The newest version whose model stands in the folder `path`."""
    versions = tracking_client().search_model_versions(f"name = '{registered_name(recipe_name, role)}'")
    found = [version for version in versions if version.tags.get(MODEL_PATH) == str(path)]
    return _version(max(found, key=lambda version: int(version.version))) if found else None


def champion(recipe_name: str, role: str) -> Version | None:
    """The version that carries the alias `champion`."""
    name = registered_name(recipe_name, role)
    models = tracking_client().search_registered_models(f"name = '{name}'")
    if not models or CHAMPION not in models[0].aliases:
        return None
    return _version(tracking_client().get_model_version_by_alias(name, CHAMPION))


def crown(version: Version, accuracy: float, tasks: str, by: str) -> None:
    """Move the alias `champion` to `version` and note what it was won with, and who decided so."""
    registry = tracking_client()
    registry.set_model_version_tag(version.name, version.number, ACCURACY, f"{accuracy:.6f}")
    registry.set_model_version_tag(version.name, version.number, TASKS, tasks)
    registry.set_model_version_tag(version.name, version.number, PROMOTED_BY, by)
    registry.set_registered_model_alias(version.name, CHAMPION, version.number)


def _version(found: "ModelVersion") -> Version:
    accuracy = found.tags.get(ACCURACY)
    return Version(
        name=found.name,
        number=str(found.version),
        path=Path(found.tags.get(MODEL_PATH, "")),
        accuracy=float(accuracy) if accuracy is not None else None,
        tasks=found.tags.get(TASKS, ""),
        # MLflow's own field for it is not stored.
        model_id=found.source.removeprefix(SOURCE) if found.source.startswith(SOURCE) else "",
    )
