"""Solutions drawn from the instruct model, each judged by its answer."""

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from mathmill.errors import UserError
from mathmill.grading.grader import Grader
from mathmill.questions import Question, evaluation_questions, load_questions
from mathmill.recipe import Recipe
from mathmill.reward.parts import in_parts
from mathmill.rollout.engine import Engine
from mathmill.training.chat import prompt_ids
from mathmill.training.session import rank

log = logging.getLogger("mathmill")


class Completer(Protocol):
    """What goes on with solutions."""

    @property
    def tokenizer(self) -> Any:
        """Its tokenizer."""
        ...

    @property
    def engine(self) -> Engine:
        """Draws from it."""
        ...

    def portion(self, samples: int) -> int:
        """Prompts to draw for in one go, with `samples` completions each."""
        ...


class Policy:
    """A model to draw from, loaded when it is first asked for."""

    def __init__(self, folder: Path, batch: int, device: torch.device) -> None:
        """Draw from the model in `folder`, `batch` completions at a time."""
        self._folder = folder
        self._batch = batch
        self._device = device

    @cached_property
    def tokenizer(self) -> Any:
        """The model's tokenizer."""
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(self._folder)

    @cached_property
    def engine(self) -> Engine:
        """An engine over the model, in float32."""
        from transformers import AutoModelForCausalLM

        from mathmill.rollout.transformers_engine import TransformersEngine

        model = AutoModelForCausalLM.from_pretrained(self._folder, dtype=torch.float32).to(self._device).eval()
        return TransformersEngine(model, self.tokenizer, batch=self._batch)

    def portion(self, samples: int) -> int:
        """Prompts to draw for in one go, with `samples` completions each."""
        return max(1, 4 * self._batch // samples)


@dataclass(frozen=True, slots=True)
class Judged:
    """A drawn solution and whether its answer is right."""

    question_id: str
    question: str
    gold: str
    """The right answer."""
    solution: str
    right: bool
    held_out: bool


def draw_solutions(folder: Path, policy: Policy, grader: Grader, recipe: Recipe) -> list[Judged]:
    """`reward.samples` solutions of each question, the same on every rank.

    Args:
        folder: keeps them, so that they are drawn once.
        policy: the instruct model.
        grader: judges their answers.
        recipe: names questions, sampling and the share held out.

    Raises:
        UserError: there are no two questions.
    """
    settings = recipe.reward
    questions = _questions(recipe)
    held_out = held_out_of(len(questions), recipe)

    def make(part: range) -> list[Mapping[str, Any]]:
        mine = [questions[index] for index in part]
        prompts = [prompt_ids(policy.tokenizer, question.question, recipe.prompt.suffix) for question in mine]
        drawn = policy.engine.generate(prompts, settings.sampling, samples=settings.samples, seed=recipe.seed)
        flat = [(index, one.text) for index, group in zip(part, drawn, strict=True) for one in group]
        verdicts = grader.grade([text for _, text in flat], [questions[index].answer for index, _ in flat])
        return [
            asdict(_judged(questions[index], text.strip(), verdict.right, index in held_out))
            for (index, text), verdict in zip(flat, verdicts, strict=True)
        ]

    if rank() == 0:
        log.info("%d solutions of each of %d questions", settings.samples, len(questions))
    rows = in_parts(folder, len(questions), policy.portion(settings.samples), make)
    return [Judged(**row) for row in rows]


def held_out_of(count: int, recipe: Recipe) -> set[int]:
    """Which of `count` questions are held out: at least one, unless it is the only one."""
    share = min(count - 1, max(1, round(count * recipe.reward.held_out)))
    return set(np.random.default_rng(recipe.seed).permutation(count)[:share].tolist())


def _judged(question: Question, solution: str, right: bool, held_out: bool) -> Judged:
    return Judged(question.id, question.question, question.answer, solution, right, held_out)


def _questions(recipe: Recipe) -> list[Question]:
    held_out = evaluation_questions(recipe)
    loaded = [one for source in recipe.reward.questions for one in load_questions(source)]
    questions = [one for one in loaded if one.question not in held_out]
    if len(questions) < 2:
        raise UserError(f"recipe {recipe.name}: reward.questions hold no two questions to learn from: name a source")
    return questions
