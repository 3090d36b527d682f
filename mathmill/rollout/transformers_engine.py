"""Completions from a Transformers model held in this process, by a decode loop of our own.

Unlike `model.generate` it evaluates a prompt once for all its samples, drops rows that have ended from the batch,
and keeps the log-probability of each token it draws.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers import DynamicCache

from mathmill.recipe_sampling import SamplingRecipe
from mathmill.rollout.decoding import draw, uniform_stream
from mathmill.rollout.engine import Completion, Weights
from mathmill.rollout.roomy_cache import roomy_cache

COMPACT_SHARE = 8
"""Ended rows are dropped when they are one in so many of the batch: dropping copies the whole cache."""


@dataclass(frozen=True, slots=True)
class _Row:
    """One completion to draw."""

    prompt: int
    """Index of its prompt."""
    sample: int


@dataclass(slots=True)
class _Drawn:
    """What a row has so far."""

    token_ids: list[int]
    log_probs: list[float]


class TransformersEngine:
    """An `Engine` over a causal language model of the Transformers library."""

    def __init__(self, model: Any, tokenizer: Any, *, batch: int = 64) -> None:
        """Draw from `model`, at most `batch` completions at a time.

        Args:
            model: a `PreTrainedModel` with a language-modelling head; its present weights are used at each call.
            tokenizer: decodes the text; its end-of-sequence token, or those of the model's generation configuration,
                end a completion.
            batch: rows of a forward pass.
        """
        self._model = model
        self._tokenizer = tokenizer
        self._batch = batch
        self._version = 0

    def adopt(self, version: int, weights: Weights) -> None:
        """Note the version of the model's present weights; see `Engine.adopt`."""
        del weights
        self._version = version

    @torch.no_grad()
    def generate(
        self,
        prompts: Sequence[list[int]],
        sampling: SamplingRecipe,
        *,
        samples: int,
        seed: int,
    ) -> list[list[Completion]]:
        """Draw `samples` completions of each prompt; see `Engine.generate`."""
        order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
        rows = [_Row(index, sample) for index in order for sample in range(samples)]
        drawn: dict[_Row, _Drawn] = {}
        training = self._model.training
        self._model.eval()
        try:
            for start in range(0, len(rows), self._batch):
                chunk = rows[start : start + self._batch]
                drawn.update(zip(chunk, self._decode(prompts, chunk, sampling, seed), strict=True))
        finally:
            self._model.train(training)
        return [[self._completion(drawn[_Row(index, n)]) for n in range(samples)] for index in range(len(prompts))]

    def _decode(
        self, prompts: Sequence[list[int]], rows: Sequence[_Row], sampling: SamplingRecipe, seed: int
    ) -> list[_Drawn]:
        """Draw the rows of one batch to their ends."""
        device = self._model.device
        limit = sampling.max_new_tokens
        uniforms = torch.from_numpy(
            np.stack([uniform_stream(prompts[row.prompt], row.sample, seed, limit) for row in rows])
        ).to(device)
        ends = torch.tensor(self._end_tokens(), device=device)
        logits, cache, mask = self._prefill(prompts, rows, limit)
        width = mask.shape[1] - limit
        positions = mask[:, :width].sum(dim=1)
        active = torch.arange(len(rows), device=device)
        all_tokens = torch.zeros(len(rows), limit, dtype=torch.int64, device=device)
        all_log_probs = torch.zeros(len(rows), limit, device=device)
        lengths = torch.full((len(rows),), limit, device=device)
        for step in range(limit):
            tokens, log_probs = draw(logits, uniforms[active, step], sampling)
            all_tokens[active, step] = tokens
            all_log_probs[active, step] = log_probs
            ended = torch.isin(tokens, ends) & (lengths[active] == limit)
            lengths[active[ended]] = step + 1
            going = lengths[active] == limit
            remaining = int(going.sum())
            if remaining == 0 or step + 1 == limit:
                break
            if (len(active) - remaining) * COMPACT_SHARE >= len(active):
                kept = going.nonzero()[:, 0]
                cache.batch_select_indices(kept)
                active, tokens, mask, positions = active[kept], tokens[kept], mask[kept], positions[kept]
            logits = self._forward(tokens[:, None], cache, mask[:, : width + step + 1], (positions + step)[:, None])
        return [
            _Drawn(tokens[:length], log_probs[:length])
            for tokens, log_probs, length in zip(
                all_tokens.tolist(), all_log_probs.tolist(), lengths.tolist(), strict=True
            )
        ]

    def _prefill(
        self, prompts: Sequence[list[int]], rows: Sequence[_Row], limit: int
    ) -> tuple[torch.Tensor, DynamicCache, torch.Tensor]:
        """Evaluate each distinct prompt of the batch once, then give every row its copy.

        Returns:
            The next token's logits [rows, vocabulary], the cache of the rows, and the attention mask
            [rows, longest prompt + limit] with zeros on the left padding.
        """
        device = self._model.device
        distinct = list(dict.fromkeys(row.prompt for row in rows))
        width = max(len(prompts[index]) for index in distinct)
        input_ids = torch.zeros(len(distinct), width, dtype=torch.int64)
        mask = torch.ones(len(distinct), width + limit, dtype=torch.int64)
        for place, index in enumerate(distinct):
            padding = width - len(prompts[index])
            input_ids[place, padding:] = torch.tensor(prompts[index])
            mask[place, :padding] = 0
        input_ids, mask = input_ids.to(device), mask.to(device)
        positions = (mask[:, :width].cumsum(dim=1) - 1).clamp(min=0)
        cache = roomy_cache(self._model.config)
        logits = self._forward(input_ids, cache, mask[:, :width], positions)
        place_of = {index: place for place, index in enumerate(distinct)}
        copies = torch.tensor([place_of[row.prompt] for row in rows], device=device)
        cache.batch_select_indices(copies)
        return logits[copies], cache, mask[copies]

    def _forward(
        self, input_ids: torch.Tensor, cache: DynamicCache, mask: torch.Tensor, positions: torch.Tensor
    ) -> torch.Tensor:
        """Logits [rows, vocabulary] after the last of `input_ids` [rows, new tokens]; the cache grows by these."""
        output = self._model(
            input_ids=input_ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return output.logits[:, -1]

    def _end_tokens(self) -> list[int]:
        configured = self._model.generation_config.eos_token_id
        if configured is None:
            configured = self._tokenizer.eos_token_id
        return configured if isinstance(configured, list) else [configured]

    def _completion(self, drawn: _Drawn) -> Completion:
        ended = drawn.token_ids[-1] in self._end_tokens()
        return Completion(
            token_ids=drawn.token_ids,
            log_probs=drawn.log_probs,
            finish_reason="stop" if ended else "length",
            text=self._tokenizer.decode(drawn.token_ids, skip_special_tokens=True),
            version=self._version,
        )
