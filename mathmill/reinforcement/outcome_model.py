"""The outcome reward model as a reward function: its probability that a solution reaches the right answer."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from mathmill.questions import Question
from mathmill.reinforcement.batch import Batch
from mathmill.training.chat import answer_ids, prompt_ids

BATCH = 64
"""Solutions in a forward pass."""


class OutcomeModel:
    """A sequence classifier with one logit, read at the end-of-sequence token."""

    def __init__(self, model: Any, tokenizer: Any, suffix: str) -> None:
        """Judge with `model`; `suffix` follows each question, as it did when the model was trained."""
        self._model = model
        self._tokenizer = tokenizer
        self._suffix = suffix

    @classmethod
    def load(cls, folder: Path, suffix: str, device: torch.device) -> "OutcomeModel":
        """The model in `folder`, made by `mathmill train reward`."""
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).to(device).eval()
        return cls(model, AutoTokenizer.from_pretrained(folder), suffix)

    @torch.no_grad()
    def __call__(self, questions: Sequence[Question], solutions: Sequence[str]) -> list[float]:
        """The probability of each solution, in [0, 1]."""
        prompts = [prompt_ids(self._tokenizer, question.question, self._suffix) for question in questions]
        answers = [answer_ids(self._tokenizer, solution.strip()) for solution in solutions]
        pad = self._tokenizer.pad_token_id
        probabilities: list[float] = []
        for start in range(0, len(prompts), BATCH):
            part = slice(start, start + BATCH)
            batch = Batch.of(prompts[part], answers[part], pad, self._model.device)
            output = self._model(
                input_ids=batch.input_ids, attention_mask=batch.attention_mask, position_ids=batch.position_ids
            )
            probabilities += torch.sigmoid(output.logits[:, 0].float()).tolist()
        return probabilities
