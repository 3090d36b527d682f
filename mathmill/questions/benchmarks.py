"""What benchmarks publish: the texts that no page of a corpus may hold.

A layout is recognised from its columns, whatever their order and case: `QUESTIONS` names those that hold what is asked,
and so on. Final answers are no texts: "18" or "$x^2$" stand on pages that never saw a benchmark.
"""

import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path
from typing import Any

from mathmill.errors import UserError
from mathmill.questions.layouts import CALCULATOR
from mathmill.questions.loading import load_questions, read_questions, resolved, source_rows
from mathmill.questions.question import Question
from mathmill.questions.rows import LETTERS, NoRowsError, read_rows
from mathmill.recipe_questions import QuestionSource, ReasoningGymSource

log = logging.getLogger("mathmill")

CONTEXTS = ("passage", "context", "body")
"""Columns that a question starts with and is not asked without."""
QUESTIONS = ("problem", "question", "input", "informal_statement", "prompt", "messages")
"""Columns that ask; the first that a row has."""
OPTIONS = ("options", "choices")
"""Columns of the choices, else those named by the letters from A on."""
LABEL = re.compile(r"\s*\(?[Aa]\s*[).:]")
"""How the first choice begins where the set has put letters before its choices."""
COMPLETE = re.compile(r"[.?!\u3002\uff1f\uff01)\uff09_][\s$\\\"'\u201d\u2019]*$")
"""How a question ends that is one without its choices: as a sentence does, or with a blank to fill in."""
SOLUTIONS = ("solution", "rationale", "cot", "explanation", "informal_proof", "canonical_solution")
"""Columns of worked solutions."""
FURTHER = ("original_question", "original", "formal_statement")
"""Columns of texts by themselves."""
ANSWERS = ("answer", "golden", "target", "final_answer")
"""Columns of final answers, which some sets put a worked solution into."""
ANSWERED = {*ANSWERS, *SOLUTIONS, "label", "correct", "answerkey", "formal_statement"}
"""Columns of which a question set has one."""
IDS = ("id", "unique_id", "idx", "problem_name")
WORKED_ANSWER_WORDS = 10
"""An answer of so many words is a worked solution, as is one with GSM8K's mark."""
WORKED_ANSWER_MARK = "####"

TRAINING = re.compile(r"(^|[-_./])train(ing)?([-_./]|$)", re.IGNORECASE)
"""Names of files and folders with training data, which are no benchmark unless they are named themselves."""
ABOUT = re.compile(r"^(readme|licen[cs]e|citation|changelog|\.)|\.md$", re.IGNORECASE)
"""Names of files about the others."""


@dataclass(frozen=True, slots=True)
class BenchmarkItem:
    """One question of a benchmark."""

    benchmark: str
    """Short name of its source, such as `gsm8k/test.jsonl`."""
    id: str
    """The row's own, else its number in the file, from 0."""
    texts: tuple[str, ...]
    """What is published of it, each by itself: the question, the question with its choices, worked solutions."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that was named, or lies in a folder that was, and that holds no benchmark."""

    file: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Published:
    """The texts of a row, by what they are."""

    stem: str
    choices: tuple[str, ...] = ()
    """The question with its choices, in the ways that pages write them."""
    others: tuple[str, ...] = ()


def source_items(source: QuestionSource) -> list[BenchmarkItem]:
    """The items of a source of the recipe.

    Raises:
        UserError: it cannot be read, or a row of it holds no question.
    """
    source = resolved(source)
    if isinstance(source, ReasoningGymSource):
        questions = load_questions(source)
        return [BenchmarkItem(one.source, one.id, (one.question, one.solution or "")) for one in questions]
    rows = []
    for number, (row, place) in enumerate(source_rows(source)):
        if not is_question(row):
            raise UserError(f"{place}: none of the columns {', '.join(map(str, row))} holds a question with its answer")
        rows.append((number, row))
    return _items(benchmark_name(source), rows)


def benchmark_name(source: QuestionSource) -> str:
    """What the benchmark of a source is called."""
    source = resolved(source)
    if isinstance(source, ReasoningGymSource):
        return source.generator
    if source.kind == "file":
        path = Path(source.path)
        return f"{path.parent.name}/{path.name}"
    return "/".join(part for part in (source.id, source.subset, source.split) if part)


def item_ids(source: QuestionSource) -> dict[str, str]:
    """The id of the benchmark's item that each question of a source is, by the question's id.

    Raises:
        UserError: the source cannot be read.
    """
    source = resolved(source)
    questions = [question for question, _ in read_questions(source) if isinstance(question, Question)]
    if isinstance(source, ReasoningGymSource):
        return {one.id: one.id for one in questions}
    rows = enumerate(row for row, _ in source_rows(source))
    return {one.id: _id(row, number) for (number, row), one in zip(rows, questions, strict=True)}


def published_items(places: Sequence[str]) -> tuple[list[BenchmarkItem], list[LeftOut]]:
    """The items of files in their publishers' layouts, and the files that hold none.

    Args:
        places: folders, of which every file is read but training splits; files and globs, of which every file is.

    Raises:
        UserError: a place does not exist or holds no benchmark at all.
    """
    items: dict[str, list[BenchmarkItem]] = {}
    left_out: dict[Path, LeftOut] = {}
    seen: set[Path] = set()
    for place in places:
        files = list(_files(place))
        for path, name in files:
            if path.resolve() in seen:
                continue
            try:
                if Path(place).is_dir():
                    _refuse_training(path.relative_to(place))
                found = _file_items(path, name if name not in items else str(path))
            except NoRowsError as reason:
                left_out[path.resolve()] = LeftOut(str(path), str(reason))
                continue
            seen.add(path.resolve())
            items.setdefault(found[0].benchmark, []).extend(found)
        if seen.isdisjoint(path.resolve() for path, _ in files):
            because = f": {left_out[files[-1][0].resolve()].reason}" if files else ""
            raise UserError(f"--benchmarks {place} holds no question set{because}")
    return [item for one in items.values() for item in one], [one for path, one in left_out.items() if path not in seen]


def is_question(row: Mapping[str, Any]) -> bool:
    """Whether a row has the columns of a question with its answer."""
    columns = {str(name).lower() for name in row}
    return not columns.isdisjoint(QUESTIONS) and not columns.isdisjoint(ANSWERED)


def _files(place: str) -> Iterator[tuple[Path, str]]:
    """The files that `place` names, each with its short name, in order."""
    folder = Path(place)
    if folder.is_dir():
        # Unlike Path.rglob, glob goes into folders that are symbolic links.
        for path in map(Path, sorted(glob("**", root_dir=folder, recursive=True))):
            if (folder / path).is_file() and not any(ABOUT.search(part) for part in path.parts):
                name = path if len(path.parts) > 1 else folder.resolve().name / path
                yield folder / path, str(name)
        return
    found = sorted(glob(place, recursive=True)) if has_magic(place) else [place]
    files = [path for path in map(Path, found) if path.is_file()]
    if not files:
        raise UserError(f"--benchmarks {place}: no such file or folder")
    for path in files:
        yield path, f"{path.resolve().parent.name}/{path.name}"


def _refuse_training(path: Path) -> None:
    if TRAINING.search(str(path)):
        raise NoRowsError("a training split: name the file itself to count it as a benchmark")


def _file_items(path: Path, name: str) -> list[BenchmarkItem]:
    rows = read_rows(path)
    if not is_question(rows[0][1]):
        columns = ", ".join(map(str, rows[0][1]))
        raise NoRowsError(f"none of its columns is known to hold a question with its answer: {columns}")
    # As MATH is published: a file a problem, a folder a subject.
    alone = rows[0][0] is None
    items = _items(str(Path(name).parent), [(path.stem, rows[0][1])]) if alone else _items(name, rows)
    if not items:
        raise NoRowsError("its questions are empty")
    return items


def _items(benchmark: str, rows: Iterable[tuple[int | str | None, Mapping[str, Any]]]) -> list[BenchmarkItem]:
    """The items of rows; those without any text are left out."""
    published = [(_id(row, number), _texts(row)) for number, row in rows]
    # "Which of the following is true?" tells nothing of the item: several have it, each with choices of its own. Nor
    # does "The mean is", which only its choices make a sentence.
    stems = Counter(one.stem for _, one in published)
    items = []
    for id_, one in published:
        by_itself = not one.choices or (stems[one.stem] == 1 and COMPLETE.search(one.stem))
        alone = (one.stem,) if by_itself else ()
        texts = tuple(dict.fromkeys(text for text in (*alone, *one.choices, *one.others) if text.strip()))
        if texts:
            items.append(BenchmarkItem(benchmark, id_, texts))
    return items


def _id(row: Mapping[str, Any], number: int | str | None) -> str:
    columns = {str(name).lower(): value for name, value in row.items()}
    own = next((columns[name] for name in IDS if columns.get(name) not in (None, "")), number)
    return str(own)


def _texts(row: Mapping[str, Any]) -> _Published:
    columns = {str(name).lower(): value for name, value in row.items()}
    if isinstance(columns.get("other"), dict):
        columns = {**columns["other"], **columns}
    asked = next((name for name in QUESTIONS if name in columns), "")
    contexts = [_flat(columns[name]) for name in CONTEXTS if columns.get(name)]
    stem = "\n".join([*contexts, _flat(columns.get(asked))])
    options = next((columns[name] for name in OPTIONS if columns.get(name)), None)
    if options is None:
        options = [columns[letter] for letter in LETTERS.lower() if isinstance(columns.get(letter), str)]
    others = [_flat(columns.get(name)) for name in (*SOLUTIONS, *FURTHER)]
    answers = [_flat(columns.get(name)) for name in ANSWERS]
    others += [text for text in answers if WORKED_ANSWER_MARK in text or len(text.split()) >= WORKED_ANSWER_WORDS]
    # Pages show GSM8K's solutions with its calculator annotations and without.
    others += [CALCULATOR.sub("", text) for text in others]
    return _Published(stem, tuple(f"{stem}\n{text}" for text in _choices(options)), tuple(others))


def _choices(options: Any) -> list[str]:
    """The choices as one text, as published and with a letter before each."""
    if isinstance(options, dict):
        options = options.get("text")
    if not options:
        return []
    if isinstance(options, str):
        return [options]
    texts = [_flat(option) for option in options]
    if LABEL.match(texts[0]):
        return ["\n".join(texts)]
    return ["\n".join(texts), "\n".join(f"({letter}) {text}" for letter, text in zip(LETTERS, texts, strict=False))]


def _flat(value: Any) -> str:
    """A value as text: a list's parts by lines, of messages the user's first."""
    if isinstance(value, list):
        if value and isinstance(value[0], dict):
            value = next((one for one in value if one.get("role") == "user"), value[0])
            return _flat(value.get("content"))
        return "\n".join(_flat(one) for one in value)
    return "" if value is None else str(value)
