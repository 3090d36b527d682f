"""The seam between those who need completions and what draws them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from mathmill.recipe import SamplingRecipe


@dataclass(frozen=True, slots=True)
class Completion:
    """One completion of a prompt."""

    token_ids: list[int]
    """The drawn tokens; the last one ends the sequence where `finish_reason` is `stop`."""
    log_probs: list[float]
    """Log-probability of each token under softmax(logits / temperature) over the whole vocabulary; under
    softmax(logits) when decoding is greedy. Not renormalised over the nucleus of `top_p`."""
    finish_reason: Literal["stop", "length"]
    """`stop`: ended by itself. `length`: cut at `max_new_tokens`."""
    text: str
    """The tokens as text, without special tokens."""


class Engine(Protocol):
    """Draws completions from a policy."""

    def generate(
        self, prompts: Sequence[list[int]], sampling: SamplingRecipe, *, samples: int, seed: int
    ) -> list[list[Completion]]:
        """Draw `samples` completions of each prompt.

        What is drawn for a prompt depends on its tokens, the number of the sample and `seed`, not on its place or on
        the other prompts. So a prompt that stands twice gets the same completions twice.

        Args:
            prompts: token ids, none empty.
            sampling: temperature (0 is greedy), `top_p`, and the greatest number of new tokens.
            samples: completions a prompt.
            seed: of the randomness.

        Returns:
            For each prompt, in order, its `samples` completions.
        """
        ...
