"""Loading the questions that a recipe names."""

import json
from collections.abc import Iterator
from itertools import islice
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
    questions = generate(source) if isinstance(source, ReasoningGymSource) else _published(source)
    distinct: dict[tuple[str, str], Question] = {}
    for question in questions:
        distinct.setdefault((question.question, question.answer), question)
    return list(distinct.values())


def evaluation_questions(recipe: Recipe) -> set[str]:
    """The texts of all questions of the evaluation's tasks, which no training stage may learn from.

    A generator may make one question from two seeds, and one problem may stand in two published sets.
    """
    return {one.question for task in recipe.evaluation.tasks.values() for one in load_questions(task)}


def source_rows(source: FileSource | HuggingFaceSource) -> Iterator[tuple[Row, str]]:
    """The rows of a published source, each with the place that messages name.

    Raises:
        UserError: the source cannot be read, or a row is no JSON object.
    """
    rows = _file_rows(Path(source.path)) if isinstance(source, FileSource) else _hub_rows(source)
    for row, place in islice(rows, source.limit):
        if not isinstance(row, dict):
            raise UserError(f"{place}: a row is a JSON object, this is {type(row).__name__}")
        yield row, place


def _file_rows(path: Path) -> Iterator[tuple[Any, str]]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UserError(f"{path}: cannot read these questions: {reason}") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        place = f"{path}:{number}"
        try:
            yield json.loads(line), place
        except json.JSONDecodeError as error:
            raise UserError(f"{place}: not valid JSON: {error}") from error


def _hub_rows(source: HuggingFaceSource) -> Iterator[tuple[Any, str]]:
    from datasets import load_dataset

    name = "/".join(part for part in (source.id, source.subset, source.split) if part)
    try:
        rows = load_dataset(source.id, source.subset, split=source.split)
    except (OSError, ValueError, RuntimeError) as error:
        raise UserError(f"cannot load the data set {name}: {' '.join(str(error).split())[:300]}") from error
    for number, row in enumerate(rows):
        yield row, f"{name} row {number}"


def _published(source: FileSource | HuggingFaceSource) -> Iterator[Question]:
    for row, place in source_rows(source):
        if isinstance(source, FileSource):
            name, position = source.path, f"{Path(source.path).stem}/{place.rpartition(':')[2]}"
        else:
            name, position = source.id, f"{source.split}/{place.rpartition(' ')[2]}"
        yield _question(row, source.layout, place, name, position)


def _question(row: Row, layout: str, place: str, source: str, position: str) -> Question:
    """The question of one row; `position` is its id where the row has none."""
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
