"""An evaluation task: what is asked, how a base model is shown it, and how answers are judged. A file in `tasks/`."""

import re
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mathmill.recipe_questions import FileSource, HuggingFaceSource, Layout, ReasoningGymSource, SolutionFormat
from mathmill.recipe_types import Section

PLACE = "{question}"
"""Where the question stands in a template."""


class Shot(Section):
    """A solved question that a base model is shown."""

    question: str
    answer: str
    """As it is to be read out of the solution."""
    solution: str


class FewShotRecipe(Section):
    """How solved examples and then the question are put to a base model, for one form of solution."""

    template: str
    """Of each question; `{question}` stands where its text goes. A solution follows after `joint`."""
    joint: str = " "
    separator: str = "\n\n"
    """Between a solution and the next question."""
    stop: list[str] = []
    """Strings at which a completion ends: where the model goes on to a question of its own."""
    answer: str | None = None
    """Regular expression (`^` and `$` match at lines) whose last match has the answer as its first group; null: the
    answer stands in `\\boxed{}`, as it does after a program has been run."""
    shots: list[Shot]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if PLACE not in self.template:
            raise ValueError(f"template has no {PLACE}: write it where the question goes")
        if "" in self.stop:
            raise ValueError("stop holds an empty string: leave it out")
        if self.answer is not None:
            try:
                groups = re.compile(self.answer).groups
            except re.error as error:
                raise ValueError(f"answer is no regular expression: {error}") from error
            if groups != 1:
                raise ValueError(f"answer has {groups} groups, and the one group is the answer: write (…) around it")
        return self


class TaskRecipe(Section):
    """A question set and how it is evaluated."""

    description: str = ""
    source: Annotated[ReasoningGymSource | HuggingFaceSource | FileSource, Field(discriminator="kind")]
    """Where the questions are without `--data`."""
    file: str | None = None
    """The file of them below `--data`."""
    file_layout: Layout | None = None
    """How a row of `file` is laid out; null: as in `source`, and in mathmill's own way where that is a generator."""
    tolerance: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """How far an answer that is a number may be from the right one, relative to it."""
    rules: str = "math"
    """Whose rules the `paper` grader follows (`mathmill.grading.paper.rules`)."""
    paper: dict[Literal["base", "instruct", "rl"], dict[SolutionFormat, float]] = {}
    """The paper's accuracies in percent, of DeepSeekMath 7B, by the model's role and the form of the solutions."""
    few_shot: dict[SolutionFormat, FewShotRecipe] = {}
    """What a base model is shown, by the form of the solutions. Without one for the form it is shown solved questions
    of instruction tuning."""
    few_shot_of: str | None = None
    """The task whose `few_shot` serves here as well."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.few_shot and self.few_shot_of:
            raise ValueError("few_shot and few_shot_of exclude each other: leave one of them out")
        return self
