"""How a task of lm-evaluation-harness wants completions drawn, in mathmill's terms."""

from collections.abc import Mapping
from typing import Any

from lm_eval.models.utils import handle_stop_sequences, normalize_gen_kwargs
from pydantic import ValidationError

from mathmill.errors import UserError
from mathmill.recipe_sampling import SamplingRecipe

NEW_TOKENS = 256
"""Longest completion where a task does not say; the harness's own default."""
NEUTRAL = {"num_beams": 1}
"""Settings of generation that change nothing."""


def read_settings(asked: Mapping[str, Any], end: str) -> tuple[SamplingRecipe, tuple[str, ...]]:
    """How a request wants its completion drawn, and the strings at which it ends.

    Args:
        asked: a task's `generation_kwargs`, as the harness defines them.
        end: text of the end-of-sequence token, at which all completions end.

    Raises:
        UserError: the engine cannot draw so.
    """
    settings = dict(normalize_gen_kwargs(dict(asked), NEW_TOKENS))
    stop = handle_stop_sequences(settings.pop("until"), end)
    sampled = settings.pop("do_sample")
    temperature = settings.pop("temperature", 0.0)
    wanted = {
        "temperature": float(temperature) if sampled else 0.0,
        "max_new_tokens": settings.pop("max_gen_toks"),
        "top_p": settings.pop("top_p", None) or 1.0,
        "top_k": settings.pop("top_k", None) or None,
    }
    if unknown := [name for name, value in settings.items() if NEUTRAL.get(name) != value]:
        raise UserError(f"generation_kwargs: {', '.join(unknown)}: the rollout engine has no such setting")
    try:
        return SamplingRecipe(**wanted), tuple(one for one in stop if one)
    except ValidationError as error:
        raise UserError(f"generation_kwargs: {'; '.join(str(one['msg']) for one in error.errors())}") from error
