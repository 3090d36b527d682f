"""Packing loses no example, masks all but answers, and keeps attention inside each example."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import LlamaConfig, LlamaForCausalLM

from mathmill.training.packing import IGNORED, Example, collate, pack

EXAMPLES = [Example([5, 6, 7], [8, 9]), Example([10], [11, 12, 13]), Example([14, 15], [16])]


@given(lengths=st.lists(st.integers(1, 20), min_size=1, max_size=40), seed=st.integers(0, 5))
def test_every_example_is_in_exactly_one_sequence_that_fits(lengths: list[int], seed: int) -> None:
    sequences = pack(lengths, 20, seed)
    assert sorted(index for sequence in sequences for index in sequence) == list(range(len(lengths)))
    assert all(sum(lengths[index] for index in sequence) <= 20 for sequence in sequences)


def test_only_answers_are_targets_and_positions_restart() -> None:
    batch = collate(EXAMPLES, 14, pad=0)
    assert batch["input_ids"].tolist() == [[5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0, 0]]
    assert batch["position_ids"].tolist() == [[0, 1, 2, 3, 4, 0, 1, 2, 3, 0, 1, 2, 0, 1]]
    no = IGNORED
    assert batch["labels"].tolist() == [[no, no, no, 8, 9, no, 11, 12, 13, no, no, 16, no, no]]


def test_a_packed_example_is_seen_as_if_it_were_alone() -> None:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=32, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2
    )
    model = LlamaForCausalLM(config).eval()
    inputs = collate(EXAMPLES, 14, pad=0)
    inputs.pop("labels")
    with torch.no_grad():
        packed = model(**inputs, use_cache=False).logits[0]
        start = 0
        for example in EXAMPLES:
            alone = model(torch.tensor([[*example.prompt, *example.answer]]), use_cache=False).logits[0]
            assert torch.allclose(packed[start : start + len(example)], alone, atol=1e-5)
            start += len(example)
