"""Drawing the next token of each row of a batch."""

import hashlib
from collections.abc import Sequence

import numpy as np
import torch

from mathmill.recipe_sampling import SamplingRecipe


def draw(logits: torch.Tensor, uniforms: torch.Tensor, sampling: SamplingRecipe) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw one token a row, by inverting the cumulative distribution.

    Args:
        logits: [rows, vocabulary], of any floating dtype.
        uniforms: [rows] float32 in [0, 1); the only randomness.
        sampling: temperature and `top_p`.

    Returns:
        Tokens [rows] int64, and their log-probabilities [rows] float32 as `Completion.log_probs` defines them.
    """
    scaled = logits.float() if sampling.temperature == 0 else logits.float() / sampling.temperature
    log_probs = torch.log_softmax(scaled, dim=-1)
    if sampling.temperature == 0:
        tokens = log_probs.argmax(dim=-1)
    elif sampling.top_p == 1:
        tokens = _invert(log_probs.exp(), uniforms)
    else:
        probs, order = log_probs.exp().sort(dim=-1, descending=True)
        before = probs.cumsum(dim=-1) - probs
        ranks = _invert(probs.masked_fill(before >= sampling.top_p, 0.0), uniforms)
        tokens = order.gather(-1, ranks[:, None])[:, 0]
    return tokens, log_probs.gather(-1, tokens[:, None])[:, 0]


def _invert(weights: torch.Tensor, uniforms: torch.Tensor) -> torch.Tensor:
    """The index in each row of `weights` at which their running sum passes its share `uniforms` of the total."""
    cumulative = weights.cumsum(dim=-1)
    indices = torch.searchsorted(cumulative, uniforms[:, None] * cumulative[:, -1:], right=True)[:, 0]
    # Rounding may put the threshold on the total itself; the last token of positive weight is meant then.
    last = (weights > 0).long().cumsum(dim=-1).argmax(dim=-1)
    return torch.minimum(indices, last)


def uniform_stream(prompt: Sequence[int], sample: int, seed: int, length: int) -> np.ndarray:
    """The random numbers of one completion: [length] float32 in [0, 1), a function of the arguments alone."""
    identity = hashlib.blake2b(np.asarray([seed, sample, *prompt], dtype=np.int64).tobytes(), digest_size=16)
    generator = np.random.Generator(np.random.Philox(key=int.from_bytes(identity.digest(), "little")))
    return generator.random(length, dtype=np.float32)
