"""Going on with completions that were interrupted."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mathmill.recipe_sampling import SamplingRecipe
from mathmill.rollout.engine import Completion, Engine


def own_seed(seed: int, number: int) -> int:
    """A seed for one of several completions that may so far be equal, and yet are to go on independently."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)[0] >> 1)


def continuations(
    engine: Engine,
    tokenizer: Any,
    begun: Sequence[tuple[list[int], list[int]]],
    sampling: SamplingRecipe,
    *,
    samples: int,
    seed: Sequence[int],
    stop: Sequence[str],
) -> list[list[Completion]]:
    """`samples` continuations of each completion that was begun, without what was begun.

    Args:
        engine: draws them.
        tokenizer: the model's.
        begun: prompts with the tokens that follow them so far, fewer than `max_new_tokens`, which counts these too.
        sampling: see `Engine.generate`, as for the rest.
        samples: of each.
        seed: of each.
        stop: strings.
    """
    limits = [sampling.max_new_tokens - len(token_ids) for _, token_ids in begun]
    drawn = engine.generate(
        [prompt + token_ids for prompt, token_ids in begun],
        sampling.model_copy(update={"max_new_tokens": max(limits)}),
        samples=samples,
        seed=seed,
        stop=stop,
    )
    return [[_shortened(one, limit, tokenizer) for one in group] for group, limit in zip(drawn, limits, strict=True)]


def cut_off(completion: Completion, tokenizer: Any) -> str:
    """What was drawn from the stop string on that ended the completion; empty where it ended otherwise."""
    return tokenizer.decode(completion.token_ids, skip_special_tokens=True)[len(completion.text) :]


def _shortened(drawn: Completion, limit: int, tokenizer: Any) -> Completion:
    if len(drawn.token_ids) <= limit:
        return drawn
    token_ids = drawn.token_ids[:limit]
    text = tokenizer.decode(token_ids, skip_special_tokens=True)
    return replace(drawn, token_ids=token_ids, log_probs=drawn.log_probs[:limit], finish_reason="length", text=text)
