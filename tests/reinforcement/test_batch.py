"""Log-probabilities of a padded batch against those of each sequence alone."""

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from mathmill.reinforcement.batch import Batch, token_log_probs

PROMPTS = [[5, 6, 7], [8], [9, 10, 11, 12, 13]]
COMPLETIONS = [[3, 4], [20, 21, 22, 23, 1], [2]]


@pytest.fixture(scope="module")
def model() -> LlamaForCausalLM:
    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=32,
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            initializer_range=0.4,
        )
    ).eval()


@pytest.mark.parametrize("temperature", [1.0, 0.7])
@pytest.mark.parametrize("pad", [0, 31])
def test_padding_does_not_change_log_probs(model, temperature, pad):
    batch = Batch.of(PROMPTS, COMPLETIONS, pad, torch.device("cpu"))
    log_probs, entropy = token_log_probs(model, batch, temperature)
    for row, (prompt, completion) in enumerate(zip(PROMPTS, COMPLETIONS, strict=True)):
        with torch.no_grad():
            logits = model(torch.tensor([prompt + completion])).logits[0, len(prompt) - 1 : -1]
        probs = torch.softmax(logits / temperature, -1)
        expected = probs.log().gather(-1, torch.tensor(completion)[:, None])[:, 0]
        n = len(completion)
        torch.testing.assert_close(log_probs[row, :n], expected, atol=1e-5, rtol=0)
        torch.testing.assert_close(entropy[row, :n], -(probs * probs.log()).sum(-1), atol=1e-5, rtol=0)
        assert not log_probs[row, n:].any()
        assert not entropy[row, n:].any()


def test_mask_marks_the_drawn_tokens():
    batch = Batch.of(PROMPTS, COMPLETIONS, 0, torch.device("cpu"))
    assert batch.mask.tolist() == [[1, 1, 0, 0, 0], [1, 1, 1, 1, 1], [1, 0, 0, 0, 0]]
    assert batch.input_ids[0].tolist() == [0, 0, 5, 6, 7, 3, 4, 0, 0, 0]
    assert batch.attention_mask[0].tolist() == [0, 0, 1, 1, 1, 1, 1, 0, 0, 0]
