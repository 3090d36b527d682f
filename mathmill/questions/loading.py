"""Loading the questions that a recipe names."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mathmill.errors import UserError
from mathmill.questions.generated import generate
from mathmill.questions.layouts import LAYOUTS, Row
from mathmill.questions.question import Question
from mathmill.recipe import Recipe
from mathmill.recipe_questions import FileSource, HuggingFaceSource, QuestionSource, ReasoningGymSource


def load_questions(source: QuestionSource) -> list[Question]:
    """The questions of a source, in its order, each once.

    A question that stands twice with the same answer is kept once: generators repeat themselves, and so do some
    published sets.

    Raises:
        UserError: the source cannot be read, or a row of it is not as the layout promises; the message names the
            file and line.
    """
    if isinstance(source, ReasoningGymSource):
        questions: Iterator[Question] = generate(source)
    elif isinstance(source, HuggingFaceSource):
        questions = _from_hub(source)
    else:
        questions = _from_file(source)
    distinct: dict[tuple[str, str], Question] = {}
    for question in questions:
        distinct.setdefault((question.question, question.answer), question)
    return list(distinct.values())


def evaluation_questions(recipe: Recipe) -> set[str]:
    """The texts of all questions of the evaluation's tasks, which no training stage may learn from.

    A generator may make one question from two seeds, and one problem may stand in two published sets.
    """
    return {one.question for task in recipe.evaluation.tasks.values() for one in load_questions(task)}


def _from_file(source: FileSource) -> Iterator[Question]:
    path = Path(source.path)
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UserError(f"{path}: cannot read these questions: {reason}") from error
    read = 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        if source.limit is not None and read == source.limit:
            return
        place = f"{path}:{number}"
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise UserError(f"{place}: not valid JSON: {error}") from error
        yield _question(row, source.layout, place, str(path), f"{path.stem}/{number}")
        read += 1


def _from_hub(source: HuggingFaceSource) -> Iterator[Question]:
    from datasets import load_dataset

    name = "/".join(part for part in (source.id, source.subset, source.split) if part)
    try:
        rows = load_dataset(source.id, source.subset, split=source.split)
    except (OSError, ValueError, RuntimeError) as error:
        raise UserError(f"cannot load the data set {name}: {' '.join(str(error).split())[:300]}") from error
    for number, row in enumerate(rows):
        if number == source.limit:
            return
        yield _question(row, source.layout, f"{name} row {number}", source.id, f"{source.split}/{number}")


def _question(row: Any, layout: str, place: str, source: str, position: str) -> Question:
    """The question of one row; `position` is its id where the row has none."""
    if not isinstance(row, dict):
        raise UserError(f"{place}: a row is a JSON object, this is {type(row).__name__}")
    try:
        fields = LAYOUTS[layout](row)
    except KeyError as error:
        raise UserError(f"{place}: no field {error}, which layout '{layout}' has: fix the row or the layout") from error
    except (ValueError, TypeError, IndexError) as error:
        raise UserError(f"{place}: not a row of layout '{layout}': {error}") from error
    return Question(
        id=str(row.get("id", position)),
        question=fields.question,
        answer=fields.answer,
        solution=fields.solution,
        source=source,
        language=_language(row, fields.question),
    )


def _language(row: Row, question: str) -> str:
    """The row's own word for it, else Chinese where the question holds a Chinese character, else English."""
    if isinstance(row.get("language"), str):
        return str(row["language"])
    return "zh" if any("\u4e00" <= character <= "\u9fff" for character in question) else "en"
