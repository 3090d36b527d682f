"""The loss of packed rows against examples computed alone by plain transformers, in float64."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM

from mathmill.errors import UserError
from mathmill.training.packing import Example, lay_out
from mathmill.training.sft import load_model, summed_loss

SHAPE = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "initializer_range": 0.5,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("model")
    LlamaForCausalLM(LlamaConfig(**SHAPE)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def packed_model(folder):
    return load_model(folder).double()


@pytest.fixture(scope="module")
def plain_model(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).double()


def draw(seed, lengths):
    generator = np.random.default_rng(seed)
    return [
        Example(generator.integers(0, 64, length).astype(np.int32), generator.random(length) < 0.6)
        for length in lengths
    ]


def plain_losses(model, ids, target):
    """The loss of each target, from a forward pass over `ids` alone."""
    logits = model(torch.from_numpy(ids.astype(np.int64))[None], use_cache=False).logits[0]
    log_probabilities = logits.log_softmax(-1)
    return [-log_probabilities[place - 1, ids[place]] for place in range(1, len(ids)) if target[place]]


def gradients(model, loss):
    return torch.autograd.grad(loss, list(model.parameters()))


@settings(max_examples=15)
@given(seed=st.integers(0, 99), lengths=st.lists(st.integers(1, 12), min_size=2, max_size=5))
def test_within_examples_is_every_example_alone(packed_model, plain_model, seed, lengths):
    examples = draw(seed, [*lengths, 5])
    alone = [loss for one in examples for loss in plain_losses(plain_model, one.ids, one.target)]
    row = lay_out([examples[:2], examples[2:]], across_examples=False)
    assert len(row.targets) == len(alone)
    torch.testing.assert_close(summed_loss(packed_model, row), sum(alone, torch.tensor(0.0, dtype=torch.float64)))


@settings(max_examples=15)
@given(seed=st.integers(0, 99), lengths=st.lists(st.integers(1, 12), min_size=2, max_size=5))
def test_across_examples_is_a_plain_model_of_the_concatenation(packed_model, plain_model, seed, lengths):
    sequences = [draw(seed, lengths), draw(seed + 1, lengths)]
    alone = []
    for sequence in sequences:
        ids = np.concatenate([one.ids for one in sequence])
        alone += plain_losses(plain_model, ids, np.concatenate([one.target for one in sequence]))
    row = lay_out(sequences, across_examples=True)
    torch.testing.assert_close(summed_loss(packed_model, row), sum(alone, torch.tensor(0.0, dtype=torch.float64)))


def test_everything_across_examples_is_the_library_s_own_loss(packed_model, plain_model):
    examples = [Example(one.ids, np.ones(len(one), bool)) for one in draw(0, [5, 9, 3])]
    row = lay_out([examples], across_examples=True)
    expected = plain_model(input_ids=row.input_ids, labels=row.input_ids, use_cache=False).loss
    assert summed_loss(packed_model, row).item() / 16 == pytest.approx(expected.item(), rel=1e-6)  # it is in float32


def test_gradients_are_those_of_the_examples_alone(packed_model, plain_model):
    examples = draw(3, [7, 4, 11])
    packed = gradients(packed_model, summed_loss(packed_model, lay_out([examples], across_examples=False)))
    alone = [loss for one in examples for loss in plain_losses(plain_model, one.ids, one.target)]
    for ours, expected in zip(packed, gradients(plain_model, sum(alone)), strict=True):
        torch.testing.assert_close(ours, expected)


def test_accumulating_over_rows_is_one_row(packed_model):
    sequences = [draw(1, [7, 4]), draw(2, [11]), draw(3, [2, 2, 5])]
    whole = gradients(packed_model, summed_loss(packed_model, lay_out(sequences, across_examples=False)))
    parts = [
        gradients(packed_model, summed_loss(packed_model, lay_out([one], across_examples=False))) for one in sequences
    ]
    for ours, pieces in zip(whole, zip(*parts, strict=True), strict=True):
        torch.testing.assert_close(ours, sum(pieces))


def test_a_tuned_model_is_saved_as_a_plain_one(packed_model, tmp_path):
    packed_model.save_pretrained(tmp_path)
    assert "segments" not in (tmp_path / "config.json").read_text()


def test_a_segment_beyond_the_model_s_window_is_refused(tmp_path):
    MistralForCausalLM(MistralConfig(**SHAPE, sliding_window=8)).save_pretrained(tmp_path)
    model = load_model(tmp_path)
    summed_loss(model, lay_out([draw(0, [8, 8])], across_examples=False))
    with pytest.raises(UserError, match=r"attends to 8 tokens back and an example has 9: set model\.context to 8"):
        summed_loss(model, lay_out([draw(0, [8, 9])], across_examples=False))
