"""How a question is put to a model: as in tuning to a tuned one, after solved examples to a base one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from mathmill.evaluation.models import EvaluatedModel
from mathmill.questions import Question, read_questions
from mathmill.recipe import Recipe
from mathmill.recipe_questions import SolutionFormat
from mathmill.training.chat import few_shot_ids, prompt_ids

NEXT_QUESTION = "User:"
"""Where a base model goes on to a question of its own; its answer ends there (the paper's evaluation code stops at such
strings)."""


@dataclass(frozen=True, slots=True)
class Prompts:
    """Prompts for one model."""

    tokenizer: Any
    suffix: str
    form: SolutionFormat
    """Of the solutions asked for."""
    shots: Sequence[Question] | None
    """Solved examples for a base model; None for a tuned one."""

    @classmethod
    def of(cls, model: EvaluatedModel, tokenizer: Any, recipe: Recipe, form: SolutionFormat = "cot") -> Self:
        """The prompts that suit the model's role and ask for solutions of a form."""
        return cls(tokenizer, recipe.prompt.suffix, form, None if model.tuned else solved_examples(recipe, form))

    def token_ids(self, question: str) -> list[int]:
        """The prompt, up to where the model goes on."""
        if self.shots is None:
            return prompt_ids(self.tokenizer, question, self.suffix, self.form)
        return few_shot_ids(self.tokenizer, self.shots, question, self.suffix)

    def text(self, question: str) -> str:
        """The prompt as text, special tokens included."""
        return str(self.tokenizer.decode(self.token_ids(question)))

    @property
    def stop(self) -> tuple[str, ...]:
        """The strings at which a completion ends; a tuned model ends by itself."""
        return () if self.shots is None else (NEXT_QUESTION,)


def solved_examples(recipe: Recipe, form: SolutionFormat) -> list[Question]:
    """The first `prompt.shots` questions with a solution of that form among the sources of instruction tuning."""
    examples: list[Question] = []
    for source in recipe.instruct.sources:
        if len(examples) >= recipe.prompt.shots:
            break
        if source.format == "answer":
            continue
        rows = [row for row, _ in read_questions(source.questions) if isinstance(row, Question) and row.solution]
        examples += [row for row in rows if (row.format or source.format) == form]
    return examples[: recipe.prompt.shots]
