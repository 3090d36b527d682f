"""Final answers as the published evaluation takes them from a text (`answer_extraction.py`).

Each function takes the question and the completion, and returns the answers found, in order; none means that there is
no answer. What is odd here is odd there: `docs/graders.md` lists it.
"""

import re

from mathmill.grading.paper.normalisation import normalise

Answers = tuple[str, ...]
"""Of one completion, in order; gold answers likewise."""

OUTPUT = "```output"
FENCE = "```"
HOPE = ("final answer is $", "$. I hope")
"""What stands around the answer in the few-shot examples for MATH."""
LAST_NUMBER = re.compile(r"-?\d*\.?\d+")
"""Read from text without commas."""
NUMBER = re.compile(r"-?\d+\.?\d*")
"""Read from text with its commas, so that it takes `1,000` for two numbers, and a full stop for a decimal point."""
SEPARATED = "separated by commas"
AND = re.compile(r"\\text\{\s*and\s*\}")
CHOICE = re.compile(r"the final answer is \(?([abcd])\)?")
COURSES = re.compile(r"final answer is (.*)\. I hope it is correct.")
ANSWER_IS = "\u7b54\u6848\u662f"
NEXT_PROBLEM = "Problem:"
NEXT_GSM8K = "Q: "
NEXT_CMATH = "\u95ee\u9898\uff1a"
NEXT_GAOKAO = "\u95ee\u9898 "
COLON, STOP = "\uff1a", "\u3002"


def several_answers(question: str, completion: str) -> Answers:
    """MATH, zero-shot: every answer, those listed in one taken apart if the question asks for a list."""
    answers: list[str] = []
    for answer in _final_answers(completion):
        if SEPARATED in question and not set(answer) & set("()[]"):
            answers += answer.split(",")
        else:
            answers += AND.split(answer)
    return tuple(answer.strip() for answer in answers)


def several_answers_before_next_problem(question: str, completion: str) -> Answers:
    """MATH, few-shot."""
    return several_answers(question, completion.partition(NEXT_PROBLEM)[0])


def last_answer(_question: str, completion: str) -> Answers:
    """GSM8K, MGSM-zh and CMATH, zero-shot."""
    return tuple(answer for answer in _final_answers(completion)[-1:] if answer)


def gsm8k_last_number(_question: str, completion: str) -> Answers:
    """GSM8K, few-shot."""
    return tuple(NUMBER.findall(completion.partition(NEXT_GSM8K)[0])[-1:])


def cmath_last_number(question: str, completion: str) -> Answers:
    """CMATH, few-shot: the last number of the line that says what the answer is."""
    completion = completion.partition(NEXT_CMATH)[0]
    stated = _stated(completion)
    if stated is None:
        return last_answer(question, completion)
    return tuple(NUMBER.findall(stated.strip(COLON).strip(STOP))[-1:])


def gaokao_stated(_question: str, completion: str) -> Answers:
    """Gaokao-MathQA, few-shot: the line that says what the answer is."""
    stated = _stated(completion.partition(NEXT_GAOKAO)[0])
    return () if stated is None else (stated.strip(),)


def gaokao_stated_without_dollars(question: str, completion: str) -> Answers:
    """Gaokao-MathCloze, few-shot."""
    return tuple(stated.strip("$") for stated in gaokao_stated(question, completion))


def stated_choice(_question: str, completion: str) -> Answers:
    """SAT and MMLU-STEM, few-shot: the first letter that is called the final answer."""
    found = CHOICE.search(completion.partition(NEXT_PROBLEM)[0].lower())
    return () if found is None else (found[1].upper(),)


def courses_stated(_question: str, completion: str) -> Answers:
    """OCW courses, few-shot."""
    found = COURSES.search(completion.partition(NEXT_PROBLEM)[0])
    return (found[1],) if found and found[1] else ()


def program_output(_question: str, completion: str) -> Answers:
    """What the last program printed, as the published evaluation scores a tool-integrated completion once more."""
    return tuple(output for output in [_last_output(completion)] if output)


def program_value(_question: str, completion: str) -> Answers:
    r"""The value of a program of thought: what stands in `\boxed{}` behind its output, where mathmill has put it."""
    _, ran, end = completion.rpartition(OUTPUT)
    _, boxed, value = end.rpartition("\\boxed{")
    return (value.removesuffix("}"),) if ran and boxed else ()


def _final_answers(text: str) -> list[str]:
    before, after = HOPE
    if before in text and after in text:
        found = [text.split(before, 1)[1].split(after, 1)[0]]
    elif "boxed" in text:
        found = _boxes(text)
    elif "he answer is" in text:
        found = [text.rpartition("he answer is")[2]]
    else:
        found = [_last_output(text)] if _last_output(text) else LAST_NUMBER.findall(text.replace(",", ""))[-1:]
    first_lines = (answer.strip().split("\n")[0] for answer in found)
    return [normalise(line.lstrip(":").rstrip(".").rstrip("/")) for line in first_lines]


def _boxes(text: str) -> list[str]:
    """The contents of the boxes that hold no other box; with the closing brace where a percent sign follows it."""
    contents = []
    for piece in text.split("boxed{")[1:]:
        depth = 1
        for place, character in enumerate(piece):
            depth += (character == "{") - (character == "}")
            if depth == 0:
                contents.append(piece[: place + piece.startswith("%", place + 1)])
                break
    return contents


def _last_output(text: str) -> str:
    _, ran, end = text.rpartition(OUTPUT)
    return end.partition(FENCE)[0].strip() if ran else ""


def _stated(text: str) -> str | None:
    _, found, end = text.partition(ANSWER_IS)
    return end.strip().split("\n")[0] if found else None
