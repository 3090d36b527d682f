"""The arithmetic that a model needs, counted by hand."""

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from mathmill.training.throughput import flops_per_token, peak_flops, peak_memory_gib


@pytest.mark.parametrize(("tied", "matrices"), [(True, 50 * 8), (False, 50 * 8)])
def test_flops_of_a_llama(tied: bool, matrices: int) -> None:
    config = LlamaConfig(
        vocab_size=50,
        hidden_size=8,
        intermediate_size=20,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=tied,
    )
    attention = 8 * 8 + 2 * 8 * 4 + 8 * 8
    layer = attention + 3 * 8 * 20 + 2 * 8
    multiplied = matrices + 3 * layer + 8
    assert flops_per_token(LlamaForCausalLM(config), 16) == 6 * multiplied + 12 * 3 * 8 * 16


def test_a_cpu_is_measured() -> None:
    assert 1e8 < peak_flops(torch.device("cpu"), torch.float32) < 1e14
    assert 0.05 < peak_memory_gib(torch.device("cpu")) < 100
