"""The loss and its gradients in float64, against the definition."""

import pytest
import torch
from transformers import Gemma2Config, Gemma2ForCausalLM, LlamaConfig, LlamaForCausalLM

from mathmill.errors import UserError
from mathmill.training.causal_loss import IGNORED, CausalLoss, summed_cross_entropy

ROWS = torch.tensor([[3, 1, 4, 1, 5, 9], [2, 6, 5, 3, 5, 8], [9, 7, 9, 3, 2, 3]])


def _llama() -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(vocab_size=11, hidden_size=8, intermediate_size=12, num_hidden_layers=2, num_attention_heads=2)
    return LlamaForCausalLM(config).double()


def _loss_of_a_document(model: LlamaForCausalLM, ids: torch.Tensor) -> torch.Tensor:
    """By the definition, token by token."""
    log_probs = model(input_ids=ids[None], use_cache=False).logits[0].log_softmax(-1)
    return -sum(log_probs[place, token] for place, token in enumerate(ids[1:].tolist()))


def test_sums_by_group_and_their_gradients() -> None:
    model = _llama()
    losses = CausalLoss(model)(ROWS, ROWS[:, 1:], [1, 2])
    losses.sum().backward()
    gradients = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()
    alone = [_loss_of_a_document(model, row) for row in ROWS]
    sum(alone).backward()
    assert losses.tolist() == pytest.approx([alone[0].item(), (alone[1] + alone[2]).item()], rel=1e-12)
    for ours, parameter in zip(gradients, model.parameters(), strict=True):
        assert torch.allclose(ours, parameter.grad, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.bfloat16, 0.01)])
def test_chunks_change_neither_the_sum_nor_the_gradients(dtype: torch.dtype, tolerance: float) -> None:
    torch.manual_seed(0)
    head = torch.nn.Linear(16, 300, bias=False, dtype=dtype)
    hidden = torch.randn(200, 16, dtype=dtype, requires_grad=True)
    targets = torch.randint(300, (200,))
    targets[::7] = IGNORED
    found = []
    for chunked in (False, True):
        loss = summed_cross_entropy(hidden, head, targets, chunked=chunked)
        found.append((loss.double(), *(one.double() for one in torch.autograd.grad(loss, (hidden, head.weight)))))
    for whole, parts in zip(*found, strict=True):
        assert (whole - parts).abs().max() <= tolerance * whole.abs().max()


def test_where_positions_restart_a_document_is_seen_alone() -> None:
    model = _llama()
    positions = torch.tensor([[0, 1, 2, 0, 1, 2], [0, 0, 1, 2, 3, 4], [0, 1, 2, 3, 4, 5]])
    targets = ROWS[:, 1:].masked_fill(positions[:, 1:] == 0, IGNORED)
    losses = CausalLoss(model)(ROWS, targets, [1, 1, 1], positions)
    documents = [[ROWS[0, :3], ROWS[0, 3:]], [ROWS[1, 1:]], [ROWS[2]]]
    alone = [sum(_loss_of_a_document(model, one).item() for one in row) for row in documents]
    assert losses.tolist() == pytest.approx(alone, rel=1e-12)


def test_a_head_that_is_not_linear_is_refused() -> None:
    config = Gemma2Config(
        vocab_size=11,
        hidden_size=8,
        intermediate_size=12,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=4,
        final_logit_softcapping=0.01,
    )
    with pytest.raises(UserError, match="logits of Gemma2ForCausalLM are no linear map"):
        CausalLoss(Gemma2ForCausalLM(config))
