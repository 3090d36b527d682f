"""Decoding for models of the LLaMA family without the cost of modules, masks and copied caches."""

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import functional

from mathmill.rollout.module_decoder import evaluate
from mathmill.rollout.shared_prefix_cache import SharedPrefixCache

FAMILY = {"LlamaForCausalLM", "Qwen2ForCausalLM"}
"""Classes whose layers `LlamaDecoder` computes."""
FIXED_ROPE = {"default", "linear", "llama3", "yarn"}
"""Kinds of rotary embedding whose angles depend on the position alone, not on the length of what is read."""
LINEAR = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "lm_head"}


def suits(model: Any) -> bool:
    """Whether `LlamaDecoder` computes what `model` does.

    It must be of a class of `FAMILY` itself, with full attention in each layer, a rotary embedding of `FIXED_ROPE`,
    plain linear layers (no adapters), no hooks on any module, and its whole weights in this process.
    """
    if type(model).__name__ not in FAMILY or not type(model).__module__.startswith("transformers.models."):
        return False
    named = list(model.named_modules())
    config = model.config
    return (
        set(getattr(config, "layer_types", None) or ["full_attention"]) == {"full_attention"}
        and config.rope_parameters["rope_type"] in FIXED_ROPE
        and all(type(one) is torch.nn.Linear for name, one in named if name.rpartition(".")[2] in LINEAR)
        and not any(one._forward_hooks or one._forward_pre_hooks for _, one in named)  # noqa: SLF001 - no public way
        and not any(hasattr(one, "ds_id") for one in model.parameters())
    )


class LlamaDecoder:
    """A `Decoder` that reads the weights of a model for which `suits` holds, in place, and runs its layers by itself.

    Prompts are evaluated by the model's own forward method, and their keys and values are shared by their rows.
    """

    joins = True

    def __init__(self, model: Any) -> None:
        """Decode with the present weights of `model`."""
        self._model = model
        self._layers = list(model.model.layers)
        self._cache = SharedPrefixCache(model.device)

    def admit(self, prompts: Sequence[Sequence[int]], copies: Sequence[int]) -> torch.Tensor:
        """Evaluate the prompts, whose keys and values serve all their rows; see `Decoder.admit`."""
        logits, cache, mask = evaluate(self._model, prompts)
        self._cache.admit(cache, mask, copies)
        return logits[torch.tensor(copies, device=logits.device)]

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        """Run one token a row through the layers; see `Decoder.step`."""
        hidden = functional.embedding(tokens, self._model.model.embed_tokens.weight)
        rotation = self._rotation(hidden)
        self._cache.begin_step()
        for number, layer in enumerate(self._layers):
            normed = _normed(hidden, layer.input_layernorm)
            hidden = hidden + self._attention(number, layer.self_attn, normed, rotation)
            mlp, normed = layer.mlp, _normed(hidden, layer.post_attention_layernorm)
            inner = mlp.act_fn(_linear(normed, mlp.gate_proj)).mul_(_linear(normed, mlp.up_proj))
            hidden = hidden + _linear(inner, mlp.down_proj)
        self._cache.end_step()
        return _linear(_normed(hidden, self._model.model.norm), self._model.lm_head)

    def keep(self, kept: torch.Tensor) -> None:
        """See `Decoder.keep`."""
        self._cache.keep(kept)

    def finish(self) -> None:
        """Nothing: no rank waits for another."""

    def _attention(
        self, number: int, attention: Any, hidden: torch.Tensor, rotation: tuple[torch.Tensor, torch.Tensor]
    ) -> torch.Tensor:
        """The attention of a layer: [rows, hidden size] from normalised states [rows, hidden size]."""
        shape = (len(hidden), -1, attention.head_dim)
        queries = _rotated(_linear(hidden, attention.q_proj).view(shape), *rotation)
        keys = _rotated(_linear(hidden, attention.k_proj).view(shape), *rotation)
        values = _linear(hidden, attention.v_proj).view(shape)
        grouped = queries.view(len(hidden), keys.shape[1], -1, attention.head_dim)
        mixed = self._cache.attend(number, grouped, keys, values, attention.scaling)
        return _linear(mixed.view(len(hidden), -1), attention.o_proj)

    def _rotation(self, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Cosines and sines [rows, 1, head size] at the rows' positions, the first half of the sines negated."""
        cosines, sines = self._model.model.rotary_emb(like, self._cache.positions[:, None])
        half = cosines.shape[-1] // 2
        return cosines, torch.cat([-sines[..., :half], sines[..., half:]], dim=-1)


def _linear(states: torch.Tensor, layer: torch.nn.Linear) -> torch.Tensor:
    return functional.linear(states, layer.weight, layer.bias)


def _normed(states: torch.Tensor, norm: Any) -> torch.Tensor:
    return functional.rms_norm(states, states.shape[-1:], norm.weight, norm.variance_epsilon)


def _rotated(heads: torch.Tensor, cosines: torch.Tensor, sines: torch.Tensor) -> torch.Tensor:
    """Rotary embedding of `heads` [rows, heads, head size], by the rotation of `LlamaDecoder._rotation`."""
    return torch.addcmul(heads * cosines, heads.roll(heads.shape[-1] // 2, dims=-1), sines)
