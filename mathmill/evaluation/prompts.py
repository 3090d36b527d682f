"""How a question is put to a model: as in tuning to a tuned one, after solved examples to a base one."""

import re
from dataclasses import dataclass
from typing import Any

from mathmill.evaluation.models import EvaluatedModel
from mathmill.evaluation.tasks import Task
from mathmill.grading.extraction import extract_answer
from mathmill.questions import Question, read_questions
from mathmill.recipe import Recipe
from mathmill.recipe_questions import SolutionFormat
from mathmill.recipe_tasks import PLACE, FewShotRecipe, Shot
from mathmill.training.chat import prompt_ids


@dataclass(frozen=True, slots=True)
class Prompts:
    """Prompts of one task for one model."""

    tokenizer: Any
    suffix: str
    """The recipe's `prompt.suffix`, for a tuned model."""
    form: SolutionFormat
    """Of the solutions asked for."""
    few_shot: FewShotRecipe | None
    """What a base model is shown; None for a tuned one."""

    def token_ids(self, question: str) -> list[int]:
        """The prompt, up to where the model goes on."""
        if self.few_shot is None:
            return prompt_ids(self.tokenizer, question, self.suffix, self.form)
        text = (self.tokenizer.bos_token or "") + few_shot_text(self.few_shot, question)
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    @property
    def stop(self) -> tuple[str, ...]:
        """The strings at which a completion ends; a tuned model ends by itself."""
        return () if self.few_shot is None else tuple(self.few_shot.stop)


def few_shot_for(
    model: EvaluatedModel, task: Task, form: SolutionFormat, otherwise: FewShotRecipe | None
) -> FewShotRecipe | None:
    """What the model is shown before a question of the task; None if it is tuned.

    Args:
        model: to be asked.
        task: may have examples of its own.
        form: of the solutions asked for.
        otherwise: shown where the task has none of that form.
    """
    return None if model.tuned else task.recipe.few_shot.get(form, otherwise)


def few_shot_text(few_shot: FewShotRecipe, question: str) -> str:
    """The solved examples, then the question."""
    shown = [
        few_shot.template.replace(PLACE, shot.question) + few_shot.joint + shot.solution for shot in few_shot.shots
    ]
    return few_shot.separator.join([*shown, few_shot.template.replace(PLACE, question)])


def recipe_few_shot(recipe: Recipe, form: SolutionFormat) -> FewShotRecipe:
    """The first `prompt.shots` solved questions of that form among the sources of instruction tuning, as in tuning."""
    examples: list[Question] = []
    for source in recipe.instruct.sources:
        if len(examples) >= recipe.prompt.shots:
            break
        if source.format == "answer":
            continue
        rows = [row for row, _ in read_questions(source.questions) if isinstance(row, Question) and row.solution]
        examples += [row for row in rows if (row.format or source.format) == form]
    return FewShotRecipe(
        template=f"User: {PLACE}{recipe.prompt.suffix}\n\nAssistant:",
        stop=["User:"],
        shots=[
            Shot(question=one.question, answer=one.answer, solution=one.solution or "")
            for one in examples[: recipe.prompt.shots]
        ],
    )


def read_answer(text: str, few_shot: FewShotRecipe | None) -> str | None:
    r"""The final answer in a completion: in the sentence that the examples end in, else in `\boxed{}`."""
    if few_shot is None or few_shot.answer is None:
        return extract_answer(text)
    found = re.findall(few_shot.answer, text, re.MULTILINE)
    return found[-1].strip() if found else None
