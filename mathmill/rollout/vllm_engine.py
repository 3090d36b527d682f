"""Completions from vLLM, which runs in a process and an environment of its own (docs/vllm.md)."""

import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from mathmill.errors import UserError
from mathmill.recipe_rollout import VllmRecipe
from mathmill.recipe_sampling import SamplingRecipe
from mathmill.rollout.engine import Completion, Weights
from mathmill.rollout.stop_strings import StopStrings
from mathmill.rollout.vllm_process import VllmProcess


class VllmEngine:
    """An `Engine` that has its own copy of the weights; use it in a `with` block, which ends the process."""

    def __init__(self, folder: Path, tokenizer: Any, recipe: VllmRecipe, *, context: int, local_rank: int = 0) -> None:
        """Start vLLM on the model in `folder`, whose weights are version 0.

        Args:
            folder: configuration, safetensors and tokenizer in Hugging Face layout.
            tokenizer: decodes the text; its end-of-sequence token, or those of the model's generation configuration,
                end a completion.
            recipe: where vLLM is, and how much it may take.
            context: greatest length in tokens of a prompt and its completion.
            local_rank: which of the machine's ranks asks; it says which GPU is meant.

        Raises:
            UserError: the recipe names no interpreter that has vLLM.
        """
        self._tokenizer = tokenizer
        self._dtype = getattr(torch, recipe.dtype)
        self._context = context
        self._ends = _end_tokens(folder, tokenizer)
        self._names = _weight_names(folder)
        self._version = 0
        self._process = VllmProcess(recipe, folder, context=context, local_rank=local_rank)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End vLLM's process."""
        self._process.close()

    def adopt(self, version: int, weights: Weights) -> None:
        """Hand the weights of `version` to vLLM, through files; see `Engine.adopt`.

        Raises:
            RuntimeError: some weight that vLLM has is not among them, or it does not confirm the version.
        """
        state = weights()
        missing = sorted(self._names - state.keys())
        if missing:
            raise RuntimeError(
                f"version {version} of the weights lacks {len(missing)} that vLLM has: {missing[0]}, ..."
            )
        with tempfile.TemporaryDirectory(prefix="mathmill-weights-") as folder:
            # Copies, since two names may share one tensor, which the format does not allow.
            copies = {
                name: tensor.detach().to("cpu", self._dtype, copy=True).contiguous() for name, tensor in state.items()
            }
            save_file(copies, Path(folder) / "model.safetensors", metadata={"format": "pt"})
            _, loaded = self._process.ask("load", version, folder)
        self._version = version
        self._check_version(loaded)

    def generate(
        self,
        prompts: Sequence[list[int]],
        sampling: SamplingRecipe,
        *,
        samples: int,
        seed: int | Sequence[int],
        stop: Sequence[str] = (),
    ) -> list[list[Completion]]:
        """Draw `samples` completions of each prompt; see `Engine.generate`.

        Raises:
            UserError: `sampling` asks for what vLLM cannot tell the log-probabilities of, or a prompt is too long.
            RuntimeError: vLLM drew from weights of another version than the last one adopted, or it ended.
        """
        self._check_request(prompts, sampling)
        seeds = [seed] * len(prompts) if isinstance(seed, int) else seed
        requests = [
            (prompt, _request_seed(prompt, sample, own))
            for prompt, own in zip(prompts, seeds, strict=True)
            for sample in range(samples)
        ]
        settings = {
            "temperature": sampling.temperature,
            "max_tokens": sampling.max_new_tokens,
            "stop": list(stop),
            "stop_token_ids": self._ends,
        }
        _, version, drawn = self._process.ask("draw", requests, settings)
        self._check_version(version)
        stops = StopStrings(self._tokenizer, stop)
        completions = [self._completion(*one, stops=stops) for one in drawn]
        return [completions[start : start + samples] for start in range(0, len(completions), samples)]

    def _check_request(self, prompts: Sequence[list[int]], sampling: SamplingRecipe) -> None:
        """Raise if vLLM would draw something else than asked for."""
        if sampling.temperature > 0 and (sampling.top_p < 1 or sampling.top_k is not None):
            cut = f"top_p {sampling.top_p:g}" if sampling.top_p < 1 else f"top_k {sampling.top_k}"
            raise UserError(
                f"sampling.{cut}: vLLM tells log-probabilities only after its cut: set top_p to 1 and top_k to null, or"
                " rollout.engine to transformers"
            )
        longest = max(map(len, prompts), default=0)
        if longest + sampling.max_new_tokens > self._context:
            raise UserError(
                f"a prompt of {longest} tokens and sampling.max_new_tokens {sampling.max_new_tokens} go beyond the"
                f" context of {self._context}: lower max_new_tokens"
            )

    def _check_version(self, version: int) -> None:
        """Raise if vLLM has other weights than those last adopted."""
        if version != self._version:
            raise RuntimeError(f"vLLM has version {version} of the weights, not {self._version}")

    def _completion(
        self, token_ids: list[int], log_probs: list[float], finish_reason: Any, *, stops: StopStrings
    ) -> Completion:
        return Completion(
            token_ids=token_ids,
            log_probs=log_probs,
            finish_reason=finish_reason,
            text=stops.cut(self._tokenizer.decode(token_ids, skip_special_tokens=True)),
            version=self._version,
        )


def _request_seed(prompt: Sequence[int], sample: int, seed: int) -> int:
    """Seed of one completion, in [0, 2^63): a function of the arguments alone."""
    identity = np.asarray([seed, sample, *prompt], dtype=np.int64).tobytes()
    return int.from_bytes(hashlib.blake2b(identity, digest_size=8).digest(), "little") >> 1


def _end_tokens(folder: Path, tokenizer: Any) -> list[int]:
    from transformers import AutoConfig, GenerationConfig

    if (folder / "generation_config.json").is_file():
        generation = GenerationConfig.from_pretrained(folder)
    else:
        generation = GenerationConfig.from_model_config(AutoConfig.from_pretrained(folder))
    configured = generation.eos_token_id
    if configured is None:
        configured = tokenizer.eos_token_id
    return configured if isinstance(configured, list) else [configured]


def _weight_names(folder: Path) -> set[str]:
    """Names of the tensors that a new version of the weights of the model in `folder` must have."""
    from transformers import AutoConfig

    names: set[str] = set()
    for path in folder.glob("*.safetensors"):
        with safe_open(path, framework="pt") as file:
            names.update(file.keys())
    if not names:
        raise UserError(f"{folder} has no weights in safetensors files: save the model in that format")
    # Files leave out a head that is the embedding. vLLM then keeps the old head, at least on CPUs, where it is a copy.
    return names | {"lm_head.weight"} if AutoConfig.from_pretrained(folder).tie_word_embeddings else names
