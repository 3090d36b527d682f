"""Completions from a Transformers model held in this process, by a decode loop of our own.

Unlike `model.generate` it evaluates a prompt once for the samples that start together, drops rows that have ended from
the batch at once, lets waiting ones take their places, and keeps the log-probability of each token it draws.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mathmill.recipe_sampling import SamplingRecipe
from mathmill.rollout.decoder import Decoder, dense
from mathmill.rollout.decoding import draw, uniform_stream
from mathmill.rollout.engine import Completion, Weights
from mathmill.rollout.llama_decoder import LlamaDecoder, suits
from mathmill.rollout.module_decoder import ModuleDecoder
from mathmill.rollout.stop_strings import StopStrings

ADMISSION_SHARE = 8
"""Waiting rows join in parts of one in so many of the batch: each admission costs a forward pass over its prompts."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows of one prompt that start together."""

    prompt: int
    rows: range


@dataclass(frozen=True, slots=True)
class _Drawn:
    """What all rows of a call have so far."""

    uniforms: torch.Tensor
    """[rows, max_new_tokens] float32: the random numbers to draw by."""
    token_ids: torch.Tensor
    """[rows, max_new_tokens] int64."""
    log_probs: torch.Tensor
    """[rows, max_new_tokens] float32."""
    counts: torch.Tensor
    """[rows] int64: tokens drawn."""
    stopped: torch.Tensor
    """[rows] bool: ended by itself."""

    @classmethod
    def nothing(cls, uniforms: np.ndarray, device: torch.device) -> "_Drawn":
        """Nothing yet, of as many rows and tokens as there are random numbers."""
        rows, limit = uniforms.shape
        return cls(
            torch.from_numpy(uniforms).to(device),
            torch.zeros(rows, limit, dtype=torch.int64, device=device),
            torch.zeros(rows, limit, device=device),
            torch.zeros(rows, dtype=torch.int64, device=device),
            torch.zeros(rows, dtype=torch.bool, device=device),
        )


class TransformersEngine:
    """An `Engine` over a causal language model of the Transformers library.

    Models of the LLaMA family are run by `LlamaDecoder`, where it is known to compute what they do (`suits`), and the
    batch is kept full. All others, and those whose weights ZeRO-3 has dealt out to the ranks, are run by their own
    forward method (`ModuleDecoder`), and a batch is drawn to its end before the next. With ZeRO-3 every rank must call
    `generate` as often as the others, with as many prompts as it likes.
    """

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
        seed: int | Sequence[int],
        stop: Sequence[str] = (),
    ) -> list[list[Completion]]:
        """Draw `samples` completions of each prompt; see `Engine.generate`."""
        seeds = [seed] * len(prompts) if isinstance(seed, int) else seed
        uniforms = np.zeros((len(prompts) * samples, sampling.max_new_tokens), dtype=np.float32)
        for row in range(len(uniforms)):
            index, sample = divmod(row, samples)
            uniforms[row] = uniform_stream(prompts[index], sample, seeds[index], sampling.max_new_tokens)
        drawn = _Drawn.nothing(uniforms, self._model.device)
        stops = StopStrings(self._tokenizer, stop)
        training = self._model.training
        self._model.eval()
        try:
            decoder: Decoder = LlamaDecoder(self._model) if suits(self._model) else ModuleDecoder(self._model)
            self._decode(decoder, prompts, self._parts(prompts, samples), drawn, sampling, stops)
            decoder.finish()
        finally:
            self._model.train(training)
        completions = self._completions(drawn, stops)
        return [completions[start : start + samples] for start in range(0, len(completions), samples)]

    def _parts(self, prompts: Sequence[list[int]], samples: int) -> deque[_Part]:
        """The rows in the order in which they start: short prompts first, so that little is padded."""
        size = max(1, self._batch // ADMISSION_SHARE)
        return deque(
            _Part(index, range(index * samples + first, index * samples + min(first + size, samples)))
            for index in sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
            for first in range(0, samples, size)
        )

    def _decode(
        self,
        decoder: Decoder,
        prompts: Sequence[list[int]],
        waiting: deque[_Part],
        drawn: _Drawn,
        sampling: SamplingRecipe,
        stops: StopStrings,
    ) -> None:
        """Draw all rows to their ends."""
        device = self._model.device
        ends = torch.tensor(self._end_tokens(), device=device)
        active = torch.zeros(0, dtype=torch.int64, device=device)
        logits = None
        while waiting or len(active):
            room = self._batch - len(active) if decoder.joins or not len(active) else 0
            if joining := _next_parts(waiting, room):
                fresh = _admit(decoder, prompts, joining)
                logits = fresh if logits is None else torch.cat([logits, fresh])
                rows = torch.tensor([row for part in joining for row in part.rows], device=device)
                active = torch.cat([active, rows])
            counts = drawn.counts[active]
            tokens, log_probs = draw(logits, drawn.uniforms[active, counts], sampling)
            drawn.token_ids[active, counts] = tokens
            drawn.log_probs[active, counts] = log_probs
            counts += 1
            drawn.counts[active] = counts
            stopped = torch.isin(tokens, ends) | stops.completed(tokens, drawn.token_ids, active, counts)
            drawn.stopped[active] = stopped
            going = ~stopped & (counts < sampling.max_new_tokens)
            if not bool(going.all()):
                kept = dense(going)
                decoder.keep(kept)
                active, tokens = active[kept], tokens[kept]
            logits = decoder.step(tokens) if len(active) else None

    def _end_tokens(self) -> list[int]:
        configured = self._model.generation_config.eos_token_id
        if configured is None:
            configured = self._tokenizer.eos_token_id
        return configured if isinstance(configured, list) else [configured]

    def _completions(self, drawn: _Drawn, stops: StopStrings) -> list[Completion]:
        columns = (drawn.token_ids, drawn.log_probs, drawn.counts, drawn.stopped)
        return [
            Completion(
                token_ids=token_ids[:count],
                log_probs=log_probs[:count],
                finish_reason="stop" if stopped else "length",
                text=stops.cut(self._tokenizer.decode(token_ids[:count], skip_special_tokens=True)),
                version=self._version,
            )
            for token_ids, log_probs, count, stopped in zip(*(one.tolist() for one in columns), strict=True)
        ]


def _next_parts(waiting: deque[_Part], room: int) -> list[_Part]:
    """Those at the front of the queue for which there is room."""
    taken: list[_Part] = []
    while waiting and len(waiting[0].rows) <= room:
        room -= len(waiting[0].rows)
        taken.append(waiting.popleft())
    return taken


def _admit(decoder: Decoder, prompts: Sequence[list[int]], parts: Sequence[_Part]) -> torch.Tensor:
    """Let the rows of `parts` join; the logits [rows, vocabulary] of their first tokens."""
    distinct = list(dict.fromkeys(part.prompt for part in parts))
    place_of = {index: place for place, index in enumerate(distinct)}
    copies = [place_of[part.prompt] for part in parts for _ in part.rows]
    return decoder.admit([prompts[index] for index in distinct], copies)
