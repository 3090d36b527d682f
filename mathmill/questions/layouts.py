"""How publishers lay out a row of their question sets.

Each function takes one row and returns its question, answer and worked solution; it raises `KeyError` for a field
that is missing and `TypeError` or `ValueError` for one that does not hold what the layout promises.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, get_args

from mathmill.grading.extraction import extract_answer
from mathmill.recipe_questions import SolutionFormat

Row = Mapping[str, Any]

LETTERS = "ABCDEFGHIJ"
CALCULATOR = re.compile(r"<<[^<>]*>>")
"""GSM8K's calculator annotations, as in `9 * 2 = $<<9*2=18>>18`."""
UNIT = re.compile(r"\s+\([^()]*\)\s*$")
"""ASDiv's units."""
TOOL_CALL = "```output"
"""Where a tool-integrated solution waits for what its program prints (section 9: generation stops there)."""


class Fields(NamedTuple):
    """What a row says, whatever its layout."""

    question: str
    answer: str | None
    """None where a solved row does not tell it."""
    solution: str | None = None
    format: SolutionFormat | None = None
    """Of the solution, where the layout or the row says it."""
    level: str | None = None
    subject: str | None = None


def question_layout(row: Row) -> Fields:
    """Our own: `question`, `answer`, optional `solution` and its `format`."""
    solution, format_ = row.get("solution"), row.get("format")
    if not isinstance(solution, str | None):
        raise TypeError(f"'solution' is {type(solution).__name__}, not a string")
    if format_ not in (None, *get_args(SolutionFormat)):
        raise ValueError(f"'format' is {format_!r}, not cot, pot or tool")
    return Fields(text(row, "question"), plain(row["answer"]), solution, format_)


def gsm8k(row: Row) -> Fields:
    """`question`; `answer` is the worked solution, then `#### ` and the number."""
    reasoning, mark, answer = text(row, "answer").rpartition("####")
    if not mark:
        raise ValueError("'answer' has no '#### ' before the final number")
    answer = answer.strip().replace(",", "")
    return Fields(text(row, "question"), answer, boxed(CALCULATOR.sub("", reasoning).strip(), answer))


def math(row: Row) -> Fields:
    r"""`problem`; `solution` with its answer in `\boxed{}`, also in `answer` in some editions; `level`, `type`."""
    solution = text(row, "solution")
    answer = row["answer"] if "answer" in row else extract_answer(solution)
    if answer is None:
        raise ValueError("'solution' has no \\boxed{} answer")
    level = str(row["level"]).removeprefix("Level ") if "level" in row else None
    return Fields(
        text(row, "problem"), plain(answer), solution, level=level, subject=row.get("type", row.get("subject"))
    )


def cmath(row: Row) -> Fields:
    """`question` (`input` in the authors' own files), `golden`, and the school year in `grade`."""
    level = str(row["grade"]) if "grade" in row else None
    return Fields(text(row, "question" if "question" in row else "input"), plain(row["golden"]), level=level)


def agieval(row: Row) -> Fields:
    """`passage`, `question`, `options` as `(A)…`, and `label` (choice) or `answer` (cloze; `label` on the hub)."""
    passage, options = row.get("passage"), row.get("options")
    parts = [*([passage] if passage else []), text(row, "question").strip(), *(options or [])]
    return Fields("\n".join(parts), plain(row["label"] if options or "answer" not in row else row["answer"]))


def ocw(row: Row) -> Fields:
    """`problem`, `solution`, `answer`."""
    return Fields(text(row, "problem"), plain(row["answer"]), text(row, "solution"))


def sat(row: Row) -> Fields:
    """`question`, `options` as a line of `A) … B) …` (hub: `Question`, `Possible Answers`), the letter in `Answer`."""
    question, options = ("question", "options") if "question" in row else ("Question", "Possible Answers")
    return Fields(f"{text(row, question)}\n{text(row, options)}", text(row, "Answer"))


def mmlu(row: Row) -> Fields:
    """`question`, `options` (`choices` on the hub), `answer` as a letter or its index; `topic` (`subject`)."""
    options: Sequence[str] = row["options"] if "options" in row else row["choices"]
    lines = [f"({letter}) {option}" for letter, option in zip(LETTERS, options, strict=False)]
    answer = row["answer"]
    letter = LETTERS[answer] if isinstance(answer, int) else answer
    return Fields("\n".join([text(row, "question"), *lines]), letter, subject=row.get("topic", row.get("subject")))


def mathqa(row: Row) -> Fields:
    """`problem` (`Problem` on the hub), `options` as one line of `a ) … , b ) …`, and the letter in `correct`."""
    question = text(row, "problem" if "problem" in row else "Problem")
    return Fields(f"{question}\n{text(row, 'options')}", text(row, "correct").upper())


def svamp(row: Row) -> Fields:
    """`Body` and `Question`, and the number in `Answer`."""
    return Fields(f"{sentence(text(row, 'Body'))} {text(row, 'Question')}", plain(row["Answer"]))


def asdiv(row: Row) -> Fields:
    """`body` and `question` (capitalised in the original XML); `answer` as in `9 (apples)` or `3 (ft); 5 (ft)`."""
    columns = {name.lower(): value for name, value in row.items()}
    parts = [UNIT.sub("", part).strip() for part in text(columns, "answer").split(";")]
    asked = f"{sentence(text(columns, 'body'))} {text(columns, 'question').strip()}"
    return Fields(asked, ", ".join(parts))


def mawps(row: Row) -> Fields:
    """`input` and the number in `target` (GSM-Hard is laid out so, too)."""
    return Fields(text(row, "input"), plain(row["target"]))


def mgsm(row: Row) -> Fields:
    """`question` and `answer_number`; DeepSeekMath's edition: the question is the first of `messages`; `answer`."""
    if "messages" not in row:
        return Fields(text(row, "question"), plain(row["answer_number"]))
    return Fields(row["messages"][0]["content"], plain(row["answer"]))


def olympiadbench(row: Row) -> Fields:
    """`question` after its `context`, and the one string in `final_answer`, which holds all answers; `subfield`."""
    (answer,) = row["final_answer"]
    asked = "\n".join([*([row["context"]] if row.get("context") else []), text(row, "question")])
    solution = "\n".join(row["solution"]) if row.get("solution") else None
    return Fields(asked, plain(answer), solution, subject=row.get("subfield"))


def choice_answer(row: Row) -> Fields:
    """`question`, `answer`, and in `choice_answer` the letter of it, which is asked for where there is one."""
    return Fields(text(row, "question"), text(row, "choice_answer") or plain(row["answer"]))


def instruction(row: Row) -> Fields:
    r"""As MathInstruct: `instruction`, `output`, and `source`, whose folder is `CoT` or `PoT`; also an `input`.

    The answer is what stands in the last `\boxed{}`, if anything does.
    """
    asked = "\n".join([text(row, "instruction"), *([text(row, "input")] if row.get("input") else [])])
    folders = str(row.get("source", "")).lower().split("/")
    output = text(row, "output")
    return Fields(asked, extract_answer(output), output, next((one for one in ("cot", "pot") if one in folders), None))


def messages(row: Row) -> Fields:
    """As ToRA's examples: `messages` of one `user` and one `assistant` turn; the answer may stand in `gt`.

    A turn's `content` is text, or MathCoder's parts of `text`, `code` and `execution`. What `system` says is left out:
    a recipe's prompt is its own.
    """
    turns = [(one["role"], one["content"]) for one in row["messages"] if one["role"] != "system"]
    if [role for role, _ in turns] != ["user", "assistant"]:
        raise ValueError(f"'messages' has the turns {', '.join(role for role, _ in turns)}, not user, assistant")
    asked, solution = (content if isinstance(content, str) else conversation(content, "type") for _, content in turns)
    return Fields(asked, plain(row["gt"]) if "gt" in row else extract_answer(solution), solution, used_format(solution))


def mathcoder(row: Row) -> Fields:
    """MathCoder's outputs: `debug_result` holds the question, the steps and, again, the answer they end in."""
    (asked, *steps) = [one for one in row["debug_result"] if one["role"] != "system"]
    solution = conversation(steps[:-1], "role")
    return Fields(text(asked, "content"), plain(row["ground_truth"]["answer"]), solution, used_format(solution))


def tora(row: Row) -> Fields:
    """ToRA's outputs: `question`, `gt`, and the first of the solutions in `code`."""
    solution = text({"code": row["code"][0]}, "code")
    return Fields(text(row, "question"), plain(row["gt"]), solution, used_format(solution))


def reft(row: Row) -> Fields:
    """ReFT's: `question`, `answer_cot` (steps in words, or a program), `answer_value`."""
    return Fields(text(row, "question"), plain(row["answer_value"]).removesuffix(".0"), text(row, "answer_cot"))


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
    "olympiadbench": olympiadbench,
    "choice_answer": choice_answer,
    "instruction": instruction,
    "messages": messages,
    "mathcoder": mathcoder,
    "tora": tora,
    "reft": reft,
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


def conversation(parts: Sequence[Row], kind: str) -> str:
    """Parts of a solution as one text, programs and their outputs in fences as a tool-integrated model writes them.

    Args:
        parts: `text`, `code` or `execution`, told by the field `kind`; what they say is in `content`.
        kind: the name of that field.
    """
    fences = {"text": "{}", "code": "```python\n{}\n```", "execution": "```output\n{}\n```"}
    return "\n".join(fences[part[kind]].format(text(part, "content").strip("\r\n")) for part in parts)


def used_format(solution: str) -> SolutionFormat | None:
    """`tool` where a program's output is shown, `pot` where a program stands alone; without a fence nothing tells."""
    return "tool" if TOOL_CALL in solution else "pot" if "```python" in solution else None


def sentence(body: str) -> str:
    """`body` with the full stop that some rows lack."""
    body = body.strip()
    return body if body.endswith((".", "?", "!")) else f"{body}."
