"""Log-probabilities of given tokens and the entropy around them, without a graph over the whole vocabulary.

Autograd of log-softmax keeps one tensor of all logits and makes two more in its backward pass. Here the probabilities
are kept, made in place of the logits a few rows at a time, and become the logits' gradient in place.
"""

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

ROWS = 256
"""Tokens whose logits are computed at a time."""


def token_log_probs(
    hidden: torch.Tensor, head: nn.Linear, targets: torch.Tensor, temperature: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """What a model says of each target, at a temperature.

    Args:
        hidden: [tokens, width], the last hidden states before the targets.
        head: maps them to logits.
        targets: [tokens] int64.
        temperature: divides the logits.

    Returns:
        log softmax(logits / temperature) of the targets, and the entropy in nats of these distributions: [tokens] each,
        in float32 at least, with gradient.
    """
    # On a GPU the probabilities of all tokens would take most of the memory; they are made again for the gradient.
    values: tuple[torch.Tensor, torch.Tensor] = _TokenLogProbs.apply(
        hidden, head.weight, head.bias, targets, temperature, not hidden.is_cuda
    )
    return values


class _TokenLogProbs(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        targets: torch.Tensor,
        temperature: float,
        keep: bool,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        exact = torch.promote_types(hidden.dtype, torch.float32)
        keep = keep and any(ctx.needs_input_grad)
        kept = hidden.new_empty(len(hidden) if keep else 0, len(weight), dtype=exact)
        log_probs, entropy = hidden.new_empty(2, len(hidden), dtype=exact).unbind(0)
        for start in range(0, len(hidden), ROWS):
            rows = slice(start, start + ROWS)
            probs, log_total, shifted = _distribution(hidden[rows], weight, bias, temperature)
            log_probs[rows] = shifted.gather(-1, targets[rows, None])[:, 0] - log_total
            entropy[rows] = log_total - torch.linalg.vecdot(probs, shifted)
            if keep:
                kept[rows] = probs
        ctx.save_for_backward(hidden, weight, bias, targets, entropy, kept)
        ctx.temperature = temperature
        ctx.set_materialize_grads(False)
        return log_probs, entropy

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor | None) -> tuple[torch.Tensor | None, ...]:
        hidden, weight, bias, targets, entropy, kept = ctx.saved_tensors
        of_log_probs, of_entropy = grads
        hidden_grad = torch.empty_like(hidden)
        weight_grad = torch.zeros_like(weight)
        bias_grad = None if bias is None else torch.zeros_like(bias)
        for start in range(0, len(hidden), ROWS):
            rows = slice(start, start + ROWS)
            if len(kept):
                probs = kept[rows]
            else:
                probs, _, _ = _distribution(hidden[rows], weight, bias, ctx.temperature)
            grad = _logits_grad(
                probs,
                targets[rows],
                entropy[rows],
                None if of_log_probs is None else of_log_probs[rows],
                None if of_entropy is None else of_entropy[rows],
            )
            grad = grad.div_(ctx.temperature).to(hidden.dtype)
            torch.mm(grad, weight, out=hidden_grad[rows])
            weight_grad.addmm_(grad.T, hidden[rows])
            if bias_grad is not None:
                bias_grad += grad.sum(0)
        return hidden_grad, weight_grad, bias_grad, None, None, None


def _distribution(
    hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, temperature: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Probabilities [rows, vocabulary], and of the logits less each row's greatest: log-sum-exp [rows], and they."""
    logits = F.linear(hidden, weight, bias)
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32)) / temperature
    shifted = logits.sub_(logits.amax(-1, keepdim=True))
    probs = shifted.exp()
    total = probs.sum(-1)
    return probs.div_(total[:, None]), total.log(), shifted


def _logits_grad(
    probs: torch.Tensor,
    targets: torch.Tensor,
    entropy: torch.Tensor,
    of_log_probs: torch.Tensor | None,
    of_entropy: torch.Tensor | None,
) -> torch.Tensor:
    """The gradient of the scaled logits: (1[v = target] - p_v) g for the log-probability, -p_v (log p_v + H) g for H.

    `probs` is overwritten.
    """
    spread = None
    if of_entropy is not None:
        spread = (torch.xlogy(probs, probs) + probs * entropy[:, None]) * -of_entropy[:, None]
    if of_log_probs is None:
        return torch.zeros_like(probs) if spread is None else spread
    grad = probs.mul_(-of_log_probs[:, None])
    grad[torch.arange(len(targets), device=targets.device), targets] += of_log_probs
    return grad if spread is None else grad.add_(spread)
