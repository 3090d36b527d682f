"""Questions made by the generators of the reasoning-gym package."""

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from mathmill.errors import UserError
from mathmill.questions.layouts import boxed
from mathmill.questions.question import Question
from mathmill.recipe_questions import ReasoningGymSource

CHAINS = ("chain_sum", "basic_arithmetic")
"""Generators whose questions are expressions to calculate."""
CHAIN = re.compile(r"-?\d+(?: [+-] -?\d+)*")
"""Additions and subtractions without brackets, the expressions that we can solve."""


def generate(source: ReasoningGymSource) -> Iterator[Question]:
    """The questions of a generator, in its order; it may make one question more than once.

    Raises:
        UserError: there is no such generator, it does not take these settings, or its questions have no answer.
    """
    from reasoning_gym.factory import DATASETS, create_dataset

    if source.generator not in DATASETS:
        close = difflib.get_close_matches(source.generator, DATASETS, n=3)
        hint = f"did you mean {' or '.join(close)}?" if close else f"there are {', '.join(sorted(DATASETS))}"
        raise UserError(f"reasoning_gym has no generator '{source.generator}': {hint}")
    try:
        dataset = create_dataset(source.generator, size=source.size, seed=source.seed, **source.config)
    except (TypeError, ValueError, AssertionError) as error:
        raise UserError(f"config of generator '{source.generator}': {error}") from error
    for index in range(source.size):
        entry = dataset[index]
        if entry["answer"] is None:
            raise UserError(f"generator '{source.generator}' gives questions without one answer: choose another")
        yield Question(
            id=f"{source.generator}/{source.seed}/{index}",
            question=entry["question"],
            answer=str(entry["answer"]),
            solution=_solution(source.generator, entry),
            source=source.generator,
            language="en",
        )


def _solution(generator: str, entry: Mapping[str, Any]) -> str | None:
    """The worked solution of an entry, for the generators that we can solve step by step."""
    expression = entry["metadata"].get("expression", "")
    if generator in CHAINS and CHAIN.fullmatch(expression):
        return boxed("\n".join(chain_sum_steps(expression)), str(entry["answer"]))
    return None


def chain_sum_steps(expression: str) -> list[str]:
    """The sums of a chain of additions and subtractions, left to right, one operation a line.

    Args:
        expression: numbers with ` + ` or ` - ` between them; a number may be negative.
    """
    first, *rest = expression.split()
    total = int(first)
    steps = []
    for operator, term in zip(rest[::2], rest[1::2], strict=True):
        result = total + int(term) if operator == "+" else total - int(term)
        steps.append(f"{total} {operator} {term} = {result}")
        total = result
    return steps
