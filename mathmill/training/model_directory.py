"""A model's folder: Hugging Face layout, plus `mathmill.json` that says where the model comes from."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from mathmill.errors import UserError
from mathmill.home import newest_output
from mathmill.output import write_text

RECORD = "mathmill.json"

Role = Literal["base", "instruct", "reward", "rl"]
RewardKind = Literal["outcome", "process"]


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """Where a model comes from."""

    role: Role
    recipe: str
    recipe_digest: str
    parent_model: str | None
    """Folder or hub id of the model it was made from; None for one made from nothing."""
    corpus_digest: str | None
    """Digest of the token shards that its first ancestor learned from."""
    mlflow_run_id: str
    kind: RewardKind | None = None
    """What a reward model judges: whole solutions, or their steps; None for other models."""


def save_model(
    model: Any, tokenizer: Any, directory: Path, record: ModelRecord, state_dict: Mapping[str, Any] | None = None
) -> None:
    """Write weights (safetensors), configuration, tokenizer and record to `directory`.

    Args:
        model: a model of the Transformers library.
        tokenizer: its tokenizer.
        directory: where to.
        record: where the model comes from.
        state_dict: the weights, where `model` itself does not hold them whole.
    """
    model.save_pretrained(directory, state_dict=state_dict)
    tokenizer.save_pretrained(directory)
    write_text(directory / RECORD, json.dumps(asdict(record), indent=2))


def of_wrapped(weights: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The weights of a module that holds a language model as `model`, under the names that the model has for them."""
    return None if weights is None else {name.removeprefix("model."): tensor for name, tensor in weights.items()}


def read_record(directory: Path) -> ModelRecord:
    """The record of the model in `directory`.

    Raises:
        UserError: there is none, or it cannot be read.
    """
    path = directory / RECORD
    if not path.is_file():
        raise UserError(f"{directory} has no {RECORD}: name a model folder made by `mathmill train`")
    try:
        return ModelRecord(**json.loads(path.read_text(encoding="utf-8")))
    except (json.JSONDecodeError, TypeError) as error:
        raise UserError(f"{path} is no model record ({error}): train the model again") from error


def newest_reward_model(recipe_name: str, kind: RewardKind) -> Path:
    """The recipe's newest finished reward model of a kind.

    Raises:
        UserError: there is none; the message names the command that makes it.
    """
    return newest_output(
        recipe_name, "reward", f"{kind} reward model", lambda folder: (read_record(folder).kind or "outcome") == kind
    )
