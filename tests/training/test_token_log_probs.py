"""Fused log-probabilities and entropy against autograd of the plain formulas, in float64."""

import pytest
import torch
from torch import nn

from mathmill.training import token_log_probs as module
from mathmill.training.token_log_probs import token_log_probs


def plain(hidden: torch.Tensor, head: nn.Linear, targets: torch.Tensor, temperature: float) -> tuple[torch.Tensor, ...]:
    log_probs = torch.log_softmax(head(hidden) / temperature, dim=-1)
    return log_probs.gather(-1, targets[:, None])[:, 0], -(log_probs.exp() * log_probs).sum(-1)


def make(bias: bool) -> tuple[torch.Tensor, nn.Linear, torch.Tensor]:
    torch.manual_seed(0)
    head = nn.Linear(5, 11, bias=bias).double()
    return torch.randn(9, 5, dtype=torch.float64, requires_grad=True), head, torch.randint(11, (9,))


@pytest.mark.parametrize("temperature", [1.0, 0.6])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("weights", [(1.0, 0.0), (0.0, 1.0), (1.0, -0.3)])
@pytest.mark.parametrize("rows", [4, 256])
@pytest.mark.parametrize("keep", [True, False])
def test_values_and_gradients_are_those_of_the_formulas(monkeypatch, temperature, bias, weights, rows, keep):
    monkeypatch.setattr(module, "ROWS", rows)
    hidden, head, targets = make(bias)
    upstream = torch.linspace(-1, 2, 9, dtype=torch.float64)
    found = []
    fused = lambda: module._TokenLogProbs.apply(hidden, head.weight, head.bias, targets, temperature, keep)  # noqa: E731, SLF001
    for compute in (fused, lambda: plain(hidden, head, targets, temperature)):
        hidden.grad = None
        head.zero_grad()
        log_probs, entropy = compute()
        terms = [weight * (upstream * part).sum() for weight, part in zip(weights, (log_probs, entropy), strict=True)]
        sum(term for term, weight in zip(terms, weights, strict=True) if weight).backward()
        found.append([log_probs, entropy, hidden.grad, *(one.grad for one in head.parameters())])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-12, rtol=1e-12)


def test_a_token_of_no_probability_has_a_finite_gradient():
    hidden = torch.tensor([[1e3]], requires_grad=True)
    head = nn.Linear(1, 3, bias=False)
    head.weight.data = torch.tensor([[1.0], [0.0], [-1.0]])
    log_probs, entropy = token_log_probs(hidden, head, torch.tensor([2]), 1.0)
    (log_probs.sum() + entropy.sum()).backward()
    assert log_probs.tolist() == [-2000.0]
    assert entropy.tolist() == [0.0]
    assert torch.isfinite(hidden.grad).all()
