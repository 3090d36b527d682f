"""How publishers lay out a row of their question sets.

Each function takes one row and returns its question, answer and worked solution; it raises `KeyError` for a field
that is missing and `TypeError` or `ValueError` for one that does not hold what the layout promises.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from mathmill.evaluation.extraction import extract_answer

Row = Mapping[str, Any]

LETTERS = "ABCDEFGHIJ"
CALCULATOR = re.compile(r"<<[^<>]*>>")
"""GSM8K's calculator annotations, as in `9 * 2 = $<<9*2=18>>18`."""


class Fields(NamedTuple):
    """What a row says, whatever its layout."""

    question: str
    answer: str
    solution: str | None = None


def question_layout(row: Row) -> Fields:
    """Our own: `question`, `answer`, optional `solution`."""
    return Fields(text(row, "question"), plain(row["answer"]), row.get("solution"))


def gsm8k(row: Row) -> Fields:
    """`question`; `answer` is the worked solution, then `#### ` and the number."""
    reasoning, mark, answer = text(row, "answer").rpartition("####")
    if not mark:
        raise ValueError("'answer' has no '#### ' before the final number")
    answer = answer.strip().replace(",", "")
    return Fields(text(row, "question"), answer, boxed(CALCULATOR.sub("", reasoning).strip(), answer))


def math(row: Row) -> Fields:
    r"""`problem`; `solution` with its answer in `\boxed{}`, also in `answer` in some editions."""
    solution = text(row, "solution")
    answer = row["answer"] if "answer" in row else extract_answer(solution)
    if answer is None:
        raise ValueError("'solution' has no \\boxed{} answer")
    return Fields(text(row, "problem"), plain(answer), solution)


def cmath(row: Row) -> Fields:
    """`question` (`input` in the authors' own files) and `golden`."""
    return Fields(text(row, "question" if "question" in row else "input"), plain(row["golden"]))


def agieval(row: Row) -> Fields:
    """`passage`, `question`, `options` as `(A)…`, and `label` (choice) or `answer` (cloze)."""
    passage, options = row.get("passage"), row.get("options")
    parts = [*([passage] if passage else []), text(row, "question").strip(), *(options or [])]
    return Fields("\n".join(parts), plain(row["label"] if options else row["answer"]))


def ocw(row: Row) -> Fields:
    """`problem`, `solution`, `answer`."""
    return Fields(text(row, "problem"), plain(row["answer"]), text(row, "solution"))


def sat(row: Row) -> Fields:
    """`question`, `options` as one line of `A) … B) …`, and the letter in `Answer`."""
    return Fields(f"{text(row, 'question')}\n{text(row, 'options')}", text(row, "Answer"))


def mmlu(row: Row) -> Fields:
    """`question`, `options` (`choices` on the hub), and `answer` as a letter or its index."""
    options: Sequence[str] = row["options"] if "options" in row else row["choices"]
    lines = [f"({letter}) {option}" for letter, option in zip(LETTERS, options, strict=False)]
    answer = row["answer"]
    return Fields("\n".join([text(row, "question"), *lines]), LETTERS[answer] if isinstance(answer, int) else answer)


def mathqa(row: Row) -> Fields:
    """`problem`, `options` as one line of `a ) … , b ) …`, and the letter in `correct`."""
    return Fields(f"{text(row, 'problem')}\n{text(row, 'options')}", text(row, "correct"))


def svamp(row: Row) -> Fields:
    """`Body` and `Question`, and the number in `Answer`."""
    return Fields(f"{sentence(text(row, 'Body'))} {text(row, 'Question')}", plain(row["Answer"]))


def asdiv(row: Row) -> Fields:
    """`body` and `question`; `answer` is a number with its unit, as in `9 (apples)`."""
    answer = re.sub(r"\s*\(.*?\)\s*$", "", text(row, "answer"))
    return Fields(f"{sentence(text(row, 'body'))} {text(row, 'question').strip()}", answer)


def mawps(row: Row) -> Fields:
    """`input` and the number in `target` (GSM-Hard is laid out so, too)."""
    return Fields(text(row, "input"), plain(row["target"]))


def mgsm(row: Row) -> Fields:
    """DeepSeekMath's edition of MGSM: the question is the first of `messages`; `answer`."""
    return Fields(row["messages"][0]["content"], plain(row["answer"]))


LAYOUTS: dict[str, Callable[[Row], Fields]] = {
    "question": question_layout,
    "gsm8k": gsm8k,
    "math": math,
    "cmath": cmath,
    "agieval": agieval,
    "ocw": ocw,
    "sat": sat,
    "mmlu": mmlu,
    "mathqa": mathqa,
    "svamp": svamp,
    "asdiv": asdiv,
    "mawps": mawps,
    "mgsm": mgsm,
}
"""Layout names, as a recipe's `layout` has them, to their readers."""


def text(row: Row, field: str) -> str:
    """The string in `field`."""
    value = row[field]
    if not isinstance(value, str):
        raise TypeError(f"'{field}' is {type(value).__name__}, not a string")
    return value


def plain(value: Any) -> str:
    """An answer as text; whole numbers without a decimal point."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, (str, int, float)) or isinstance(value, bool):
        raise TypeError(f"the answer is {type(value).__name__}, not a string or a number")
    return str(value)


def boxed(solution: str, answer: str) -> str:
    """`solution` closed by its answer in the form that evaluation looks for."""
    return f"{solution}\n\\boxed{{{answer}}}"


def sentence(body: str) -> str:
    """`body` with the full stop that some rows lack."""
    body = body.strip()
    return body if body.endswith((".", "?", "!")) else f"{body}."
