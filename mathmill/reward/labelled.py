"""Steps that others have labelled: the published lines of Math-Shepherd and PRM800K."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from mathmill.errors import UserError
from mathmill.questions import evaluation_questions
from mathmill.questions.layouts import text
from mathmill.recipe import LabelledSource, Recipe
from mathmill.reward.completions import Labelled
from mathmill.reward.solutions import held_out_of

STEP_MARK = "ки"
"""Math-Shepherd's, after each step of `input`."""
FIRST_STEP = "Step 1:"
"""Begins the solution in Math-Shepherd's `input`."""
PRM800K_LABELS = {1: 1.0, 0: 1.0, -1: 0.0}
"""PRM800K's ratings; a neutral step does no harm, so it counts as right (arXiv 2305.20050, appendix)."""


@dataclass(frozen=True, slots=True)
class _Row:
    """What a line says, whatever its layout."""

    question: str
    steps: list[str]
    labels: list[float]


def read_labelled(recipe: Recipe) -> tuple[list[Labelled], list[dict[str, Any]]]:
    """The solutions of `reward.labelled`, and the lines left out, each with its place and the reason.

    Questions of the evaluation are left out. Of the distinct other questions the recipe's share is held out.

    Raises:
        UserError: a file cannot be read.
    """
    asked = evaluation_questions(recipe)
    rows: list[_Row] = []
    rejected: list[dict[str, Any]] = []
    for source in recipe.reward.labelled:
        for number, line in _lines(source):
            try:
                content = json.loads(line)
                if not isinstance(content, dict):
                    raise TypeError(f"a line is a JSON object, this is {type(content).__name__}")  # noqa: TRY301
                row = LAYOUTS[source.layout](content)
                if row.question in asked:
                    raise ValueError("evaluation question")  # noqa: TRY301 - a reason among others
                rows.append(row)
            except (ValueError, KeyError, TypeError, IndexError) as error:
                reason = f"no field {error}" if isinstance(error, KeyError) else str(error)
                rejected.append({"file": source.path, "line": number, "reason": reason})
    questions = list(dict.fromkeys(row.question for row in rows))
    chosen = held_out_of(len(questions), recipe) if questions else set()
    held_out = {questions[index] for index in chosen}
    return [Labelled(row.question, row.steps, row.labels, row.question in held_out) for row in rows], rejected


def _lines(source: LabelledSource) -> Iterator[tuple[int, str]]:
    """The lines that are not empty, counted from 1."""
    try:
        lines = Path(source.path).read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UserError(f"{source.path}: cannot read these labelled steps: {reason}") from error
    numbered = ((number, line) for number, line in enumerate(lines, start=1) if line.strip())
    return islice(numbered, source.limit)


def math_shepherd(row: Mapping[str, Any]) -> _Row:
    """`input`: question and steps, a mark after each step; `label`: the same with + or - in place of the marks.

    Raises:
        ValueError: it is not so; the message says where.
    """
    *parts, rest = text(row, "input").split(STEP_MARK)
    if not parts:
        raise ValueError(f"'input' has no step mark {STEP_MARK}")
    if rest.strip():
        raise ValueError("'input' has text after the last step mark")
    question, mark, first = parts[0].partition(FIRST_STEP)
    if not mark or not question.strip():
        raise ValueError(f"'input' has no question before '{FIRST_STEP}'")
    steps = [part.strip() for part in (mark + first, *parts[1:])]
    if not all(steps):
        raise ValueError("'input' has an empty step")
    return _Row(question.strip(), steps, list(_signs(text(row, "label"), parts)))


def _signs(label: str, parts: Sequence[str]) -> Iterator[float]:
    """The label after each part of the input, which `label` repeats."""
    place = 0
    for number, part in enumerate(parts, start=1):
        place += len(part)
        sign = label[place : place + 1]
        if label[place - len(part) : place] != part or sign not in ("+", "-"):
            raise ValueError(f"'label' does not repeat 'input' with + or - after step {number}")
        place += 1
        yield float(sign == "+")


def prm800k(row: Mapping[str, Any]) -> _Row:
    """`question.problem`, and in `label.steps` the steps that were offered, each with the labellers' rating.

    The solution is the path that the labeller took: the chosen step, or else the one that a person wrote, which counts
    as right. Where neither is there the first one offered ends it: that is where labellers stopped at a mistake.

    Raises:
        ValueError: no step was rated, or one on the path was not.
    """
    steps: list[str] = []
    labels: list[float] = []
    for offered in row["label"]["steps"] or []:
        chosen, human = offered["chosen_completion"], offered["human_completion"]
        if chosen is None and human is not None:
            steps.append(text(human, "text").strip())
            labels.append(1.0)
            continue
        if not offered["completions"]:
            break
        step = offered["completions"][chosen or 0]
        if step["rating"] not in PRM800K_LABELS:
            raise ValueError(f"step {len(steps) + 1} has the rating {step['rating']}, not 1, 0 or -1")
        steps.append(text(step, "text").strip())
        labels.append(PRM800K_LABELS[step["rating"]])
        if chosen is None:
            break
    if not steps or not all(steps):
        raise ValueError("'label' has no rated steps" if not steps else "'label' has an empty step")
    return _Row(text(row["question"], "problem").strip(), steps, labels)


LAYOUTS: dict[str, Callable[[Mapping[str, Any]], _Row]] = {"math_shepherd": math_shepherd, "prm800k": prm800k}
"""Layout names, as `reward.labelled` has them, to their readers."""
