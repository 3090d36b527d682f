"""How much of the device's arithmetic a training uses, and its memory."""

import resource
import time
from typing import Any

import torch

DENSE_BF16_FLOPS = {
    "A100": 312e12,
    "H100 PCIe": 756e12,
    "H100": 989e12,
    "H200": 989e12,
    "B200": 2250e12,
    "L40S": 362e12,
    "L4": 121e12,
    "A10": 125e12,
}
"""Multiplications and additions a second, by the data sheets of NVIDIA, for tensor cores without sparsity. The first
name that the device's contains counts."""

MATRIX = 1024
TRIALS = 5


def flops_per_token(model: Any, context: int) -> float:
    """Floating-point operations of a forward and a backward pass for one token: 6 N + 12 L h T.

    N are the parameters that multiply activations (all but an input embedding of its own), L layers, h the width of
    all attention heads together, T the context. Source: PaLM (arXiv 2204.02311), appendix B.
    """
    config = model.config
    tied = config.tie_word_embeddings
    embedding = 0 if tied else _size(model.get_input_embeddings().weight)
    parameters = sum(_size(parameter) for parameter in model.parameters()) - embedding
    heads = config.num_attention_heads
    width = heads * (getattr(config, "head_dim", None) or config.hidden_size // heads)
    return float(6 * parameters + 12 * config.num_hidden_layers * width * context)


def peak_flops(device: torch.device, dtype: torch.dtype) -> float:
    """Floating-point operations a second that the device can do.

    A known GPU's data sheet tells for bf16; of anything else it is the best of a few products of square matrices.
    """
    if device.type == "cuda" and dtype == torch.bfloat16:
        name = torch.cuda.get_device_name(device)
        known = [flops for model, flops in DENSE_BF16_FLOPS.items() if model in name]
        if known:
            return known[0]
    matrix = torch.ones(MATRIX, MATRIX, dtype=dtype, device=device)
    seconds = min(_product_seconds(matrix) for _ in range(TRIALS))
    return float(2 * MATRIX**3 / seconds)


def peak_memory_gib(device: torch.device) -> float:
    """The most memory used so far: of the GPU by tensors, else of this process."""
    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(device) / 2**30)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def _product_seconds(matrix: torch.Tensor) -> float:
    if matrix.is_cuda:
        torch.cuda.synchronize(matrix.device)
    began = time.perf_counter()
    product = matrix @ matrix
    if product.is_cuda:
        torch.cuda.synchronize(matrix.device)
    return time.perf_counter() - began


def _size(parameter: Any) -> int:
    """Elements of a parameter, the whole of it where ZeRO-3 has left a part here."""
    return int(getattr(parameter, "ds_numel", parameter.numel()))
