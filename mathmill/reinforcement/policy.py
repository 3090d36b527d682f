"""The networks of reinforcement learning as modules that read packed rows: the policy, its reference, PPO's critic."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import nn
from typing_extensions import override

from mathmill.recipe_reinforcement import CLIPPED, PREFERENCES, LoraRecipe, ReinforceRecipe
from mathmill.reinforcement.layout import Row
from mathmill.training.causal_loss import check_linear_head
from mathmill.training.segment_attention import segment_attention
from mathmill.training.token_log_probs import token_log_probs


class Policy(nn.Module):
    """A causal language model that answers with the log-probabilities of drawn tokens."""

    def __init__(self, model: Any) -> None:
        """Wrap `model`, an `AutoModelForCausalLM`, with adapters or without.

        Raises:
            UserError: its logits are more than a linear map of its last hidden state.
        """
        super().__init__()
        check_linear_head(model)
        self.model = model

    @override
    def forward(self, row: Row, temperature: float) -> tuple[torch.Tensor, torch.Tensor]:
        """What the model says of the drawn tokens, at the temperature they were drawn with.

        Returns:
            Their log-probabilities, and the entropy in nats of the distributions they were drawn from: [drawn tokens]
            each, in float32 at least.
        """
        hidden = _hidden(self.model.get_decoder(), row)
        return token_log_probs(hidden, self.model.get_output_embeddings(), row.targets, temperature)


class Critic(nn.Module):
    """A value before each drawn token, from a language model's last hidden state: PPO's second network."""

    def __init__(self, decoder: Any) -> None:
        """Put a head that says 0 on `decoder`, an `AutoModel`."""
        super().__init__()
        self.decoder = decoder
        self.head = nn.Linear(decoder.config.hidden_size, 1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    @override
    def forward(self, row: Row) -> torch.Tensor:
        """The values, [drawn tokens], in float32 at least."""
        values = self.head(_hidden(self.decoder, row))[:, 0]
        return values.to(torch.promote_types(values.dtype, torch.float32))


def _hidden(decoder: Any, row: Row) -> torch.Tensor:
    """The last hidden state before each drawn token, [drawn tokens, width]."""
    with segment_attention(decoder):
        output = decoder(
            input_ids=row.input_ids,
            position_ids=row.position_ids,
            segment_lengths=row.segment_lengths,
            prefixes=row.prefixes,
            use_cache=False,
        )
    hidden: torch.Tensor = output.last_hidden_state[0, row.predicting]
    return hidden


class Reference:
    """The policy that the divergence is measured from."""

    def __init__(self, policy: Policy, *, adapted: bool) -> None:
        """Take a frozen copy of the policy, or the policy itself if it is `adapted`: its adapters are then left out."""
        self._policy = policy
        self._adapted = adapted

    @torch.no_grad()
    def log_probs(self, row: Row, temperature: float) -> torch.Tensor:
        """What it says of the drawn tokens, [drawn tokens]."""
        with _without_adapters(self._policy) if self._adapted else nullcontext():
            log_probs: torch.Tensor = self._policy(row, temperature)[0]
        return log_probs

    def become(self, weights: dict[str, torch.Tensor]) -> None:
        """Take the weights of a policy, for the next iteration; an adapted one has none of its own to take."""
        self._policy.load_state_dict(weights)


@contextmanager
def _without_adapters(policy: Policy) -> Iterator[None]:
    training = policy.training
    policy.eval()
    with policy.model.disable_adapter():
        yield
    policy.train(training)


def load_policy(folder: Path, lora: LoraRecipe | None) -> Policy:
    """The policy of the model in `folder`, in float32, with adapters where the recipe asks for them."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    if lora is not None:
        from peft import LoraConfig, get_peft_model

        adapters = LoraConfig(r=lora.rank, lora_alpha=lora.alpha, target_modules="all-linear", task_type="CAUSAL_LM")
        model = get_peft_model(model, adapters)
    return Policy(model)


def load_reference(folder: Path, policy: Policy, settings: ReinforceRecipe, dtype: torch.dtype) -> Reference | None:
    """The reference, where the algorithm needs one: the model in `folder`, or the policy without its adapters."""
    if not needs_reference(settings):
        return None
    if settings.lora is not None:
        return Reference(policy, adapted=True)
    device = next(policy.parameters()).device
    frozen = load_policy(folder, None).to(device, dtype).eval().requires_grad_(False)
    return Reference(frozen, adapted=False)


def needs_reference(settings: ReinforceRecipe) -> bool:
    """Whether the divergence from a reference counts, now or later."""
    beta = settings.kl_coefficient
    somewhere = beta > 0 if isinstance(beta, float | int) else max(beta.first, beta.last) > 0
    return somewhere and settings.algorithm in (*CLIPPED, *PREFERENCES)


def load_critic(folder: Path) -> Critic:
    """A critic made from the model in `folder`, in float32."""
    from transformers import AutoModel

    return Critic(AutoModel.from_pretrained(folder, dtype=torch.float32))
