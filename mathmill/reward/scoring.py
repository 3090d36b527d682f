"""A trained reward model that scores solutions: for verification, and as a reward of reinforcement learning."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from mathmill.errors import UserError
from mathmill.questions import Question
from mathmill.reward.reading import Example, Reader
from mathmill.reward.steps import split_steps
from mathmill.training.model_directory import RewardKind, read_record

BATCH = 64
"""Solutions in a forward pass."""


class RewardModel:
    """Scores in [0, 1]: the head's logits through the sigmoid, probabilities of being right where these were learned.

    A model of the pairwise loss learned only which solution of a question is the better one; its scores order them.
    """

    def __init__(self, model: Any, reader: Reader) -> None:
        """Score with `model`; `reader` asks it as it was asked in training."""
        self.model = model
        self.reader = reader

    @classmethod
    def load(cls, folder: Path, suffix: str, device: torch.device) -> "RewardModel":
        """The model in `folder`, made by `mathmill train reward`; `suffix` follows each question, as in training.

        Raises:
            UserError: it is no reward model.
        """
        from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification, AutoTokenizer

        record = read_record(folder)
        if record.role != "reward":
            raise UserError(f"{folder} is the {record.role} model: name one made by `mathmill train reward`")
        kind = record.kind or "outcome"
        head = AutoModelForSequenceClassification if kind == "outcome" else AutoModelForTokenClassification
        model = head.from_pretrained(folder, dtype=torch.float32).to(device).eval()
        return cls(model, Reader(kind, AutoTokenizer.from_pretrained(folder), suffix))

    @property
    def kind(self) -> RewardKind:
        """What it judges."""
        return self.reader.kind

    def __call__(self, questions: Sequence[Question], solutions: Sequence[str]) -> list[float]:
        """The score of each solution."""
        return [solution_score(steps) for steps in self.step_scores(questions, solutions)]

    @torch.no_grad()
    def step_scores(self, questions: Sequence[Question], solutions: Sequence[str]) -> list[list[float]]:
        """The scores of each solution's steps; of an outcome model, the one score of the whole."""
        examples = [
            self._example(question.question, solution.strip())
            for question, solution in zip(questions, solutions, strict=True)
        ]
        scores: list[list[float]] = []
        for start in range(0, len(examples), BATCH):
            part = examples[start : start + BATCH]
            logits = self.reader.logits(self.model, part, self.model.device)
            counts = [len(example.ends) for example in part]
            scores += [values.tolist() for values in torch.sigmoid(logits).split(counts)]
        return scores

    def _example(self, question: str, solution: str) -> Example:
        if self.kind == "outcome":
            return self.reader.solution(question, solution)
        return self.reader.steps(question, split_steps(solution))


def solution_score(steps: Sequence[float]) -> float:
    """A solution's score: the least of its steps (Math-Shepherd, section 3.4), 0 where it has none."""
    return min(steps, default=0.0)
