"""The seam between those who need completions and what draws them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from mathmill.recipe_sampling import SamplingRecipe

if TYPE_CHECKING:
    import torch

Weights = Callable[[], "Mapping[str, torch.Tensor]"]
"""Gathers a policy's whole weights, by their names in its state; dear where ranks hold parts of them."""


@dataclass(frozen=True, slots=True)
class Completion:
    """One completion of a prompt."""

    token_ids: list[int]
    """The drawn tokens and those that a tool put between them. Where `finish_reason` is `stop`, the last one ends the
    sequence or completes a stop string."""
    log_probs: list[float]
    """Log-probability of each token under softmax(logits / temperature) over the whole vocabulary; under
    softmax(logits) when decoding is greedy. Not renormalised over what `top_k` and `top_p` leave. 0 on a tool's."""
    finish_reason: Literal["stop", "length"]
    """`stop`: ended by itself, with an end-of-sequence token or a stop string. `length`: cut at `max_new_tokens`."""
    text: str
    """The tokens as text, without special tokens, and cut before the first stop string."""
    version: int = 0
    """Of the weights it was drawn from: how often they had been updated (`Engine.adopt`)."""
    written: list[bool] | None = None
    """Whether the policy drew each token; None: it drew all. A tool's tokens are not learned."""


class Engine(Protocol):
    """Draws completions from a policy."""

    def adopt(self, version: int, weights: Weights) -> None:
        """Draw from the policy's weights of `version` from now on; an engine that shares them only notes the number."""
        ...

    def generate(
        self,
        prompts: Sequence[list[int]],
        sampling: SamplingRecipe,
        *,
        samples: int,
        seed: int | Sequence[int],
        stop: Sequence[str] = (),
    ) -> list[list[Completion]]:
        """Draw `samples` completions of each prompt.

        What is drawn for a prompt depends on its tokens, the number of the sample and `seed`, not on its place or on
        the other prompts. So a prompt that stands twice gets the same completions twice.

        Args:
            prompts: token ids, none empty.
            sampling: temperature (0 is greedy), `top_k`, `top_p`, and the greatest number of new tokens.
            samples: completions a prompt.
            seed: of the randomness; one for all prompts, or one for each.
            stop: strings at which a completion ends, none empty; the prompt does not count.

        Returns:
            For each prompt, in order, its `samples` completions.
        """
        ...
