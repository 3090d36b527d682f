"""Drawing the next token of each row of a batch."""

import hashlib
from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional

from mathmill.recipe_sampling import SamplingRecipe

BLOCK = 64
"""Tokens whose probabilities are added up together."""
NUCLEUS = 256
"""Tokens among which the nucleus is sought first: sorting the whole vocabulary takes ten times as long."""


def draw(logits: torch.Tensor, uniforms: torch.Tensor, sampling: SamplingRecipe) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw one token a row, by inverting the cumulative distribution.

    Args:
        logits: [rows, vocabulary], of any floating dtype.
        uniforms: [rows] float32 in [0, 1); the only randomness.
        sampling: temperature, `top_k` and `top_p`.

    Returns:
        Tokens [rows] int64, and their log-probabilities [rows] float32 as `Completion.log_probs` defines them.
    """
    scaled = logits.float() if sampling.temperature == 0 else logits.float() / sampling.temperature
    highest = scaled.amax(dim=-1, keepdim=True)
    weights = (scaled - highest).exp_()
    blocks = _in_blocks(weights)
    cumulative = blocks.sum(dim=-1).cumsum(dim=-1)
    total = cumulative[:, -1]
    if sampling.temperature == 0:
        tokens = scaled.argmax(dim=-1)
    elif sampling.top_p == 1 and sampling.top_k is None:
        tokens = _from_blocks(blocks, cumulative, uniforms)
    else:
        tokens = _truncated(weights, total, uniforms, sampling)
    chosen = scaled.gather(-1, tokens[:, None])
    return tokens, (chosen - highest)[:, 0] - total.log()


def _in_blocks(weights: torch.Tensor) -> torch.Tensor:
    """[rows, blocks, BLOCK] of [rows, vocabulary]; what is lacking in the last block is zero."""
    lacking = -weights.shape[-1] % BLOCK
    return (functional.pad(weights, (0, lacking)) if lacking else weights).view(len(weights), -1, BLOCK)


def _from_blocks(blocks: torch.Tensor, cumulative: torch.Tensor, uniforms: torch.Tensor) -> torch.Tensor:
    """The block in which the running sum passes its share `uniforms` of the total, then the token within it."""
    rows = torch.arange(len(blocks), device=blocks.device)
    block = _invert(cumulative, uniforms * cumulative[:, -1])
    before = torch.where(block > 0, cumulative[rows, (block - 1).clamp(min=0)], 0.0)
    inner = blocks[rows, block].cumsum(dim=-1)
    return block * BLOCK + _invert(inner, uniforms * cumulative[:, -1] - before)


def _truncated(
    weights: torch.Tensor, total: torch.Tensor, uniforms: torch.Tensor, sampling: SamplingRecipe
) -> torch.Tensor:
    """A token of the `top_k` likeliest, and of the nucleus of `top_p` among these."""
    vocabulary = weights.shape[-1]
    held, order = weights.topk(min(sampling.top_k or NUCLEUS, vocabulary), dim=-1)
    cumulative = held.cumsum(dim=-1)
    if sampling.top_k is not None:
        total = cumulative[:, -1]
    elif bool((cumulative[:, -1] < sampling.top_p * total).any()):
        held, order = weights.sort(dim=-1, descending=True)
        cumulative = held.cumsum(dim=-1)
    inside = (cumulative - held) < sampling.top_p * total[:, None]
    last = inside.sum(dim=-1) - 1
    share = cumulative.gather(-1, last[:, None])[:, 0]
    ranks = torch.minimum(_invert(cumulative, uniforms * share), last)
    return order.gather(-1, ranks[:, None])[:, 0]


def _invert(cumulative: torch.Tensor, thresholds: torch.Tensor) -> torch.Tensor:
    """The index in each row of `cumulative` at which it passes its threshold."""
    # Rounding may put a threshold on the total itself, which nothing passes.
    below = torch.nextafter(cumulative[:, -1], cumulative.new_zeros(()))
    return torch.searchsorted(cumulative, torch.minimum(thresholds, below)[:, None], right=True)[:, 0]


def uniform_stream(prompt: Sequence[int], sample: int, seed: int, length: int) -> np.ndarray:
    """The random numbers of one completion: [length] float32 in [0, 1), a function of the arguments alone."""
    identity = hashlib.blake2b(np.asarray([seed, sample, *prompt], dtype=np.int64).tobytes(), digest_size=16)
    generator = np.random.Generator(np.random.Philox(key=int.from_bytes(identity.digest(), "little")))
    return generator.random(length, dtype=np.float32)
