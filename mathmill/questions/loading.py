"""Loading the questions that a recipe names."""

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from mathmill.errors import UserError
from mathmill.questions.generated import generate
from mathmill.questions.layouts import LAYOUTS, Row
from mathmill.questions.question import Question, language_of
from mathmill.questions.rows import BadRow, NoRowsError, read_marked_rows
from mathmill.recipe import Recipe
from mathmill.recipe_questions import FileSource, HuggingFaceSource, QuestionSource, ReasoningGymSource, TaskSource
from mathmill.task_file import load_task, task_source


def load_questions(source: QuestionSource) -> list[Question]:
    """The questions of a source, in its order, each once.

    A question that stands twice with the same answer is kept once: generators repeat themselves, and so do some
    published sets.

    Raises:
        UserError: the source cannot be read, or a row of it is not as the layout promises or has no answer; the message
            names the file and line.
    """
    distinct: dict[tuple[str, str], Question] = {}
    for question, place in read_questions(source):
        if isinstance(question, BadRow):
            raise UserError(f"{place}: {question.problem}")
        if not question.answer:
            raise UserError(f"{place}: no final answer can be told, so nothing can be judged by this question")
        distinct.setdefault((question.question, question.answer), question)
    return list(distinct.values())


def read_questions(source: QuestionSource) -> Iterator[tuple[Question | BadRow, str]]:
    """The questions of a source as they stand in it, each with its place; a row that holds none is marked.

    Raises:
        UserError: the source as a whole cannot be read.
    """
    source = resolved(source)
    if isinstance(source, ReasoningGymSource):
        yield from ((question, question.id) for question in generate(source))
        return
    for row, place in _marked_rows(source):
        yield (row if isinstance(row, BadRow) else _question(row, source, place)), place


def resolved(source: QuestionSource) -> ReasoningGymSource | FileSource | HuggingFaceSource:
    """The source itself, or the one that a task file names.

    Raises:
        UserError: there is no such task, or it has no file in the folder.
    """
    if not isinstance(source, TaskSource):
        return source
    return task_source(load_task(source.task), source.task, source.data, source.limit)


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
    for row, place in _marked_rows(source):
        if isinstance(row, BadRow):
            raise UserError(f"{place}: {row.problem}")
        yield row, place


def _marked_rows(source: FileSource | HuggingFaceSource) -> Iterator[tuple[Row | BadRow, str]]:
    rows = _file_rows(Path(source.path)) if isinstance(source, FileSource) else _hub_rows(source)
    return islice(rows, source.limit)


def _file_rows(path: Path) -> Iterator[tuple[Row | BadRow, str]]:
    try:
        rows = read_marked_rows(path)
    except NoRowsError as reason:
        raise UserError(f"{path}: cannot read these questions: {reason}") from reason
    mark = ":" if path.suffix.lower() == ".jsonl" else " row "
    for number, row in rows:
        yield row, f"{path}{mark}{(number or 0) + 1}"


def _hub_rows(source: HuggingFaceSource) -> Iterator[tuple[Row, str]]:
    from datasets import load_dataset

    name = "/".join(part for part in (source.id, source.subset, source.split) if part)
    try:
        rows = load_dataset(source.id, source.subset, split=source.split)
    except (OSError, ValueError, RuntimeError) as error:
        raise UserError(f"cannot load the data set {name}: {' '.join(str(error).split())[:300]}") from error
    for number, row in enumerate(rows):
        yield row, f"{name} row {number}"


def _question(row: Row, source: FileSource | HuggingFaceSource, place: str) -> Question | BadRow:
    """The question of one row; its place gives its id where the row has none."""
    layout = source.layout
    try:
        fields = LAYOUTS[layout](row)
    except KeyError as error:
        return BadRow("not_of_layout", f"no field {error}, which layout '{layout}' has: fix the row or the layout")
    except (ValueError, TypeError, IndexError, AttributeError) as error:
        return BadRow("not_of_layout", f"not a row of layout '{layout}': {error}")
    name, group = (source.path, Path(source.path).stem) if source.kind == "file" else (source.id, source.split)
    return Question(
        id=str(row.get("id", f"{group}/{re.split('[: ]', place)[-1]}")),
        question=fields.question,
        answer=fields.answer or "",
        solution=fields.solution,
        source=name,
        language=_language(row, fields.question),
        format=fields.format,
        level=fields.level,
        subject=fields.subject,
    )


def _language(row: Row, question: str) -> str:
    """The row's own word for it, else what the question looks like."""
    return str(row["language"]) if isinstance(row.get("language"), str) else language_of(question)
