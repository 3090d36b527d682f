"""The models that are evaluated."""

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mathmill.errors import UserError
from mathmill.home import newest_output
from mathmill.recipe import Recipe
from mathmill.rollout.engine import Engine
from mathmill.training.model_directory import RECORD, read_record


@dataclass(frozen=True, slots=True)
class EvaluatedModel:
    """A model folder and how its figures are named."""

    path: Path
    role: str
    """base, instruct or rl."""
    label: str
    """The role, with the folder's name where several models have that role."""

    @property
    def tuned(self) -> bool:
        """Whether it was tuned to answer questions, so needs no examples."""
        return self.role != "base"


def add_model_option(parser: argparse.ArgumentParser) -> None:
    """Let a command take the models that `choose_models` chooses."""
    parser.add_argument(
        "--model",
        type=Path,
        nargs="+",
        metavar="DIR",
        help="model folders (default: the recipe's newest rl model and those it was made from)",
    )


def choose_models(recipe: Recipe, given: Sequence[Path] | None) -> list[EvaluatedModel]:
    """The models given, or the newest rl model of the recipe with those it was made from, the oldest first.

    Raises:
        UserError: there is no such model, or it is none that answers questions.
    """
    paths = [path.resolve() for path in given] if given else lineage(newest_output(recipe.name, "rl"))
    roles = [_role(path) for path in paths]
    count = Counter(roles)
    return [
        EvaluatedModel(path, role, role if count[role] == 1 else f"{role}-{path.name}")
        for path, role in zip(paths, roles, strict=True)
    ]


def lineage(path: Path) -> list[Path]:
    """The model at `path` after those it was made from by this library, the first of them first."""
    parent = read_record(path).parent_model
    if parent is None or not (Path(parent) / RECORD).is_file():
        return [path]
    return [*lineage(Path(parent)), path]


def load_model(model: EvaluatedModel, recipe: Recipe, shard: int = 0) -> tuple[Engine, Any]:
    """An engine that draws from the model, and the model's tokenizer; processes of different `shard` share the GPUs."""
    from mathmill.rollout.transformers_engine import TransformersEngine

    network, tokenizer = load_network(model, shard)
    return TransformersEngine(network, tokenizer, batch=recipe.evaluation.batch), tokenizer


def load_network(model: EvaluatedModel, shard: int = 0) -> tuple[Any, Any]:
    """The model itself, in the dtype of its file and on a GPU where there is one, and its tokenizer."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    device = f"cuda:{shard % torch.cuda.device_count()}" if torch.cuda.is_available() else "cpu"
    tokenizer = AutoTokenizer.from_pretrained(model.path)
    return AutoModelForCausalLM.from_pretrained(model.path, dtype="auto").to(device).eval(), tokenizer


def _role(path: Path) -> str:
    """The model's role by its record; a model made elsewhere is tuned if its tokenizer knows how to chat."""
    if not (path / "config.json").is_file():
        raise UserError(f"--model {path}: no config.json there: name a model folder of `mathmill train`")
    if not (path / RECORD).is_file():
        from transformers import AutoTokenizer

        return "instruct" if AutoTokenizer.from_pretrained(path).chat_template else "base"
    role = read_record(path).role
    if role == "reward":
        raise UserError(
            f"--model {path} is a reward model, which answers no questions: give a base, instruct or rl one"
        )
    return role
