"""Decoding for models of the LLaMA family without the cost of modules, masks and copied caches."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.nn import functional

from mathmill.rollout.module_decoder import evaluate
from mathmill.rollout.projections import Projections
from mathmill.rollout.shared_prefix_cache import SharedPrefixCache

FAMILY = {"LlamaForCausalLM", "Qwen2ForCausalLM"}
"""Classes whose layers `LlamaDecoder` computes."""
FIXED_ROPE = {"default", "linear", "llama3", "yarn"}
"""Kinds of rotary embedding whose angles depend on the position alone, not on the length of what is read."""
DEEPSPEED = "deepspeed.runtime.engine"
"""Where hooks on the whole model come from that change nothing of what it computes."""
ROWS = 8
"""Rows are padded to a multiple of this: oneDNN makes and keeps a kernel for each number of rows that it meets."""
LINEAR = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "lm_head"}


def suits(model: Any) -> bool:
    """Whether `LlamaDecoder` computes what `model` does.

    It must be of a class of `FAMILY` itself, with full attention in each layer, a rotary embedding of `FIXED_ROPE`,
    plain linear layers (no adapters), its whole weights in this process, and no hooks but those by which DeepSpeed
    keeps its books around a whole forward pass.
    """
    if type(model).__name__ not in FAMILY or not type(model).__module__.startswith("transformers.models."):
        return False
    named = list(model.named_modules())
    config = model.config
    return (
        set(getattr(config, "layer_types", None) or ["full_attention"]) == {"full_attention"}
        and config.rope_parameters["rope_type"] in FIXED_ROPE
        and all(type(one) is torch.nn.Linear for name, one in named if name.rpartition(".")[2] in LINEAR)
        and not any(hook.__module__ != DEEPSPEED or one is not model for _, one in named for hook in _hooks(one))
        and not any(hasattr(one, "ds_id") for one in model.parameters())
    )


def _hooks(module: torch.nn.Module) -> list[Callable[..., Any]]:
    return [*module._forward_hooks.values(), *module._forward_pre_hooks.values()]  # noqa: SLF001 - no public way


class LlamaDecoder:
    """A `Decoder` that runs the layers of a model for which `suits` holds by itself, with the model's present weights.

    Prompts are evaluated by the model's own forward method, and their keys and values are shared by their rows.
    """

    joins = True

    def __init__(self, model: Any) -> None:
        """Decode with the present weights of `model`; to be made anew when they change."""
        self._model = model
        self._layers = [_Layer(layer) for layer in model.model.layers]
        self._head = Projections([model.lm_head])
        self._cache = SharedPrefixCache(model.device)

    def admit(self, prompts: Sequence[Sequence[int]], copies: Sequence[int]) -> torch.Tensor:
        """Evaluate the prompts, whose keys and values serve all their rows; see `Decoder.admit`."""
        logits, cache, mask = evaluate(self._model, prompts)
        self._cache.admit(cache, mask, copies)
        return logits[torch.tensor(copies, device=logits.device)]

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        """Run one token a row through the layers; see `Decoder.step`."""
        padded = functional.pad(tokens, (0, -len(tokens) % ROWS))
        hidden = functional.embedding(padded, self._model.model.embed_tokens.weight)
        cosines, sines = self._model.model.rotary_emb(hidden, self._cache.positions[:, None])
        half = cosines.shape[-1] // 2
        rotation = (cosines, torch.cat([-sines[..., :half], sines[..., half:]], dim=-1))
        self._cache.begin_step()
        for number, layer in enumerate(self._layers):
            hidden = layer(number, hidden, rotation, self._cache)
        self._cache.end_step()
        return self._head(_normed(hidden, self._model.model.norm))[: len(tokens)]

    def keep(self, kept: torch.Tensor) -> None:
        """See `Decoder.keep`."""
        self._cache.keep(kept)

    def finish(self) -> None:
        """Nothing: no rank waits for another."""


class _Layer:
    """A decoder layer."""

    def __init__(self, layer: Any) -> None:
        attention, mlp = layer.self_attn, layer.mlp
        self._norms = (layer.input_layernorm, layer.post_attention_layernorm)
        self._inward = Projections([attention.q_proj, attention.k_proj, attention.v_proj])
        self._outward = Projections([attention.o_proj])
        self._gate_and_up = Projections([mlp.gate_proj, mlp.up_proj])
        self._down = Projections([mlp.down_proj])
        self._activation = mlp.act_fn
        self._scaling = attention.scaling
        self._head_size = attention.head_dim
        self._key_heads = attention.k_proj.out_features // attention.head_dim

    def __call__(
        self, number: int, hidden: torch.Tensor, rotation: tuple[torch.Tensor, torch.Tensor], cache: SharedPrefixCache
    ) -> torch.Tensor:
        """The states [rows and padding, hidden size] after this layer, which is the one of that number."""
        rows = len(rotation[0])
        heads = self._inward(_normed(hidden, self._norms[0]))[:rows].view(rows, -1, self._head_size)
        rotated = _rotated(heads[:, : -self._key_heads], *rotation)
        queries = rotated[:, : -self._key_heads].view(rows, self._key_heads, -1, self._head_size)
        keys, values = rotated[:, -self._key_heads :], heads[:, -self._key_heads :]
        mixed = cache.attend(number, queries, keys, values, self._scaling)
        hidden = hidden + self._outward(functional.pad(mixed.view(rows, -1), (0, 0, 0, len(hidden) - rows)))
        gate, up = self._gate_and_up(_normed(hidden, self._norms[1])).chunk(2, dim=-1)
        return hidden + self._down(self._activation(gate) * up)


def _normed(states: torch.Tensor, norm: Any) -> torch.Tensor:
    return functional.rms_norm(states, states.shape[-1:], norm.weight, norm.variance_epsilon)


def _rotated(heads: torch.Tensor, cosines: torch.Tensor, sines: torch.Tensor) -> torch.Tensor:
    """Rotary embedding of `heads` [rows, heads, head size].

    Args:
        heads: of queries and keys.
        cosines: [rows, 1, head size].
        sines: the same, the first half negated.
    """
    return torch.addcmul(heads * cosines, heads.roll(heads.shape[-1] // 2, dims=-1), sines)
