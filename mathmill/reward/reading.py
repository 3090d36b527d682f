"""How a reward model reads: a solution's tokens, and the places at which its head is asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from mathmill.reward.steps import step_tokens
from mathmill.training.chat import answer_ids, prompt_ids
from mathmill.training.model_directory import RewardKind


@dataclass(frozen=True, slots=True)
class Example:
    """A solution after its question, and what is said of it."""

    ids: list[int]
    """Token ids of both."""
    ends: list[int]
    """The indices among them that the head is asked at: of each step's last token, or of the last one."""
    labels: list[float]
    """Probability of being right, in [0, 1], of each; empty where it is not known."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Asks the head of a reward model, at a solution's end or at the end of each step."""

    kind: RewardKind
    tokenizer: Any
    suffix: str
    """Follows each question (`prompt.suffix`)."""

    @property
    def pad(self) -> int:
        """Fills the ends of short rows."""
        known = self.tokenizer.pad_token_id
        return self.tokenizer.eos_token_id if known is None else known

    def solution(self, question: str, solution: str, labels: Sequence[float] = ()) -> Example:
        """A whole solution, to be scored at its end."""
        prompt = prompt_ids(self.tokenizer, question, self.suffix)
        ids = prompt + answer_ids(self.tokenizer, solution)
        return Example(ids, [len(ids) - 1], list(labels))

    def steps(self, question: str, steps: Sequence[str], labels: Sequence[float] = ()) -> Example:
        """A solution to be scored at the end of each of its steps."""
        prompt = prompt_ids(self.tokenizer, question, self.suffix)
        ids, ends = step_tokens(self.tokenizer, steps)
        return Example(prompt + ids, [len(prompt) + end for end in ends], list(labels))

    def logits(self, model: Any, examples: Sequence[Example], device: torch.device) -> torch.Tensor:
        """The head's logits at the ends of all examples, one after another: float32, shape (ends,).

        Args:
            model: with a head of one logit for sequences (outcome) or tokens (process), or DeepSpeed around it.
            examples: a batch; padded on the right.
            device: of the model.
        """
        width = max(len(example.ids) for example in examples)
        ids = torch.full((len(examples), width), self.pad)
        mask = torch.zeros(len(examples), width, dtype=torch.int64)
        for row, example in enumerate(examples):
            ids[row, : len(example.ids)] = torch.tensor(example.ids)
            mask[row, : len(example.ids)] = 1
        logits = model(input_ids=ids.to(device), attention_mask=mask.to(device), use_cache=False).logits.float()
        if self.kind == "outcome":
            return logits[:, 0]
        places = [(row, end) for row, example in enumerate(examples) for end in example.ends]
        rows, columns = torch.tensor(places, dtype=torch.int64, device=device).reshape(-1, 2).unbind(1)
        return logits[rows, columns, 0]
