"""Programs in answers: run while a model writes (tool-integrated), or when it has written (program of thought)."""

import re
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, Self

from mathmill.recipe import Recipe
from mathmill.recipe_questions import SolutionFormat
from mathmill.rollout.engine import Completion, Engine
from mathmill.rollout.tools import PROGRAM, ToolEngine
from mathmill.sandbox.results import RunResult
from mathmill.sandbox.sandbox import Sandbox
from mathmill.sandbox.tool import python_tool, shown

SOLUTION = "solution"
"""The function that a PAL program defines, and whose value is the answer."""


@dataclass(frozen=True, slots=True)
class Programs:
    """Runs the programs of one prompting style in the sandbox."""

    form: SolutionFormat
    sandbox: Sandbox | None
    """None for chains of thought, which have no programs."""
    rounds: int
    """Tool calls of a completion, at most."""

    @classmethod
    def of(cls, form: SolutionFormat, recipe: Recipe, stack: ExitStack) -> Self:
        """What the style needs; `stack` ends the sandbox.

        Raises:
            UserError: programs cannot be confined here.
        """
        sandbox = None if form == "cot" else stack.enter_context(Sandbox(recipe.sandbox))
        # The paper's evaluation code generates twice, so it runs one program.
        return cls(form, sandbox, recipe.rollout.tool_rounds or 1)

    def engine(self, engine: Engine, tokenizer: Any) -> Engine:
        """`engine`, which runs programs while it draws if the style is tool-integrated."""
        if self.sandbox is None or self.form != "tool":
            return engine
        return ToolEngine(engine, tokenizer, python_tool(self.sandbox), self.rounds)

    def finished(self, completions: Sequence[Completion]) -> list[Completion]:
        """The completions; of a program of thought with what it printed, whose last line is the boxed answer."""
        if self.sandbox is None or self.form != "pot":
            return list(completions)
        programs = [program_of(one.text) for one in completions]
        by_function = [bool(re.search(rf"^def {SOLUTION}\(", program, re.MULTILINE)) for program in programs]
        results: dict[int, RunResult] = {}
        for function in (True, False):
            places = [place for place, one in enumerate(by_function) if one is function]
            ran = self.sandbox.run([programs[place] for place in places], call=SOLUTION if function else None)
            results.update(zip(places, ran, strict=True))
        return [replace(one, text=_with_output(one.text, results[place])) for place, one in enumerate(completions)]


def program_of(text: str) -> str:
    """The last program in a text: its last fenced one, or the text itself where it has no fence."""
    found = PROGRAM.findall(text)
    return str(found[-1]) if found else text


def _with_output(text: str, result: RunResult) -> str:
    output = shown(result)
    whole = f"{text.rstrip()}\n```output\n{output}\n```\n"
    if result.outcome != "ok" or not result.stdout.strip():
        return whole
    return rf"{whole}\boxed{{{result.stdout.strip().splitlines()[-1].strip()}}}"
